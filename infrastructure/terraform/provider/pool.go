package main

import (
	"context"
	"encoding/xml"
	"fmt"

	"github.com/digitalocean/go-libvirt"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type poolResource struct{ base }

type poolModel struct {
	Name types.String `tfsdk:"name"`
	Path types.String `tfsdk:"path"`
}

type poolXML struct {
	XMLName xml.Name `xml:"pool"`
	Type    string   `xml:"type,attr"`
	Name    string   `xml:"name"`
	Path    string   `xml:"target>path"`
}

func newPool() resource.Resource { return &poolResource{base{kind: "pool"}} }

func (r *poolResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "A folder as a storage pool. Its files stay where the pool is removed; volumes remove their own.",
		Attributes: map[string]schema.Attribute{
			"name": fixed("The pool's name.", true),
			"path": fixed("The folder; it is made where it is missing.", true),
		},
	}
}

func (r *poolResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var model poolModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.make(model.Name.ValueString(), model.Path.ValueString()); err != nil {
		resp.Diagnostics.AddError("the pool "+model.Name.ValueString()+" cannot be made", err.Error())
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// make defines and starts a pool; one of an apply that was killed is taken over where its folder is the same.
func (r *poolResource) make(name, folder string) error {
	pool, err := r.client.StoragePoolLookupByName(name)
	if err == nil {
		there, err := r.folder(pool)
		if err != nil {
			return err
		}
		if there != folder {
			return fmt.Errorf("there is one of the name, at %s", there)
		}
	} else if !isMissing(err) {
		return err
	} else {
		text, err := marshal(poolXML{Type: "dir", Name: name, Path: folder})
		if err != nil {
			return err
		}
		if pool, err = r.client.StoragePoolDefineXML(text, 0); err != nil {
			return err
		}
	}
	active, err := r.client.StoragePoolIsActive(pool)
	if err != nil || active == 1 {
		return err
	}
	if err := r.client.StoragePoolBuild(pool, libvirt.StoragePoolBuildNew); err != nil {
		return err
	}
	return r.client.StoragePoolCreate(pool, libvirt.StoragePoolCreateNormal)
}

func (r *poolResource) folder(pool libvirt.StoragePool) (string, error) {
	text, err := r.client.StoragePoolGetXMLDesc(pool, 0)
	if err != nil {
		return "", err
	}
	var found poolXML
	err = xml.Unmarshal([]byte(text), &found)
	return found.Path, err
}

func (r *poolResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var model poolModel
	resp.Diagnostics.Append(req.State.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	pool, err := r.client.StoragePoolLookupByName(model.Name.ValueString())
	if isMissing(err) {
		resp.State.RemoveResource(ctx)
		return
	}
	var folder string
	if err == nil {
		folder, err = r.folder(pool)
	}
	var active int32
	if err == nil {
		active, err = r.client.StoragePoolIsActive(pool)
	}
	if err != nil {
		resp.Diagnostics.AddError("the pool "+model.Name.ValueString()+" cannot be read", err.Error())
		return
	}
	if active != 1 { // it is started again by being made again
		resp.State.RemoveResource(ctx)
		return
	}
	model.Path = types.StringValue(folder)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

func (r *poolResource) Update(_ context.Context, _ resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.Diagnostics.AddError("a pool is never changed", "every attribute asks for another one")
}

func (r *poolResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var model poolModel
	resp.Diagnostics.Append(req.State.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	pool, err := r.client.StoragePoolLookupByName(model.Name.ValueString())
	if isMissing(err) {
		return
	}
	if err == nil {
		if active, _ := r.client.StoragePoolIsActive(pool); active == 1 {
			err = r.client.StoragePoolDestroy(pool)
		}
	}
	if err == nil {
		err = r.client.StoragePoolUndefine(pool)
	}
	if err != nil {
		resp.Diagnostics.AddError("the pool "+model.Name.ValueString()+" cannot be removed", err.Error())
	}
}
