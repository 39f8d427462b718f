package main

import (
	"context"
	"encoding/xml"
	"fmt"

	"github.com/digitalocean/go-libvirt"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

const mib = 1 << 20

type volumeResource struct{ base }

type volumeModel struct {
	Name    types.String `tfsdk:"name"`
	Pool    types.String `tfsdk:"pool"`
	Size    types.Int64  `tfsdk:"size_mib"`
	Format  types.String `tfsdk:"format"`
	Backing types.String `tfsdk:"backing_path"`
	Path    types.String `tfsdk:"path"`
}

type volumeXML struct {
	XMLName  xml.Name    `xml:"volume"`
	Name     string      `xml:"name"`
	Capacity uint64      `xml:"capacity"`
	Format   formatXML   `xml:"target>format"`
	Backing  *backingXML `xml:"backingStore"`
}

type formatXML struct {
	Type string `xml:"type,attr"`
}

type backingXML struct {
	Path   string    `xml:"path"`
	Format formatXML `xml:"format"`
}

func newVolume() resource.Resource { return &volumeResource{base{kind: "volume"}} }

func (r *volumeResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "A disk in a pool; over a base image where backing_path names one (qcow2), which stays as it is.",
		Attributes: map[string]schema.Attribute{
			"name": fixed("The volume's name.", true),
			"pool": fixed("The name of its pool.", true),
			"size_mib": schema.Int64Attribute{
				Description:   "What a guest sees, in MiB.",
				Required:      true,
				PlanModifiers: []planmodifier.Int64{int64planmodifier.RequiresReplace()},
			},
			"format":       fixed("qcow2 or raw.", true),
			"backing_path": fixed("An image in qcow2 that the disk begins with.", false),
			"path":         computed("Where the volume lies."),
		},
	}
}

func (r *volumeResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var model volumeModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	where, err := r.make(model)
	if err != nil {
		resp.Diagnostics.AddError("the volume "+model.Name.ValueString()+" cannot be made", err.Error())
		return
	}
	model.Path = types.StringValue(where)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// make creates a volume and returns where it lies; what an apply that was killed has left of it is made anew.
func (r *volumeResource) make(model volumeModel) (string, error) {
	pool, err := r.client.StoragePoolLookupByName(model.Pool.ValueString())
	if err != nil {
		return "", err
	}
	if err := r.client.StoragePoolRefresh(pool, 0); err != nil {
		return "", err
	}
	if left, err := r.client.StorageVolLookupByName(pool, model.Name.ValueString()); err == nil {
		if err := r.client.StorageVolDelete(left, libvirt.StorageVolDeleteNormal); err != nil {
			return "", fmt.Errorf("there is one of the name that cannot be removed: %w", err)
		}
	}
	wanted := volumeXML{
		Name:     model.Name.ValueString(),
		Capacity: uint64(model.Size.ValueInt64()) * mib,
		Format:   formatXML{Type: model.Format.ValueString()},
	}
	if backing := model.Backing.ValueString(); backing != "" {
		wanted.Backing = &backingXML{Path: backing, Format: formatXML{Type: "qcow2"}}
	}
	text, err := marshal(wanted)
	if err != nil {
		return "", err
	}
	volume, err := r.client.StorageVolCreateXML(pool, text, 0)
	if err != nil {
		return "", err
	}
	return r.client.StorageVolGetPath(volume)
}

func (r *volumeResource) find(model volumeModel) (libvirt.StorageVol, error) {
	pool, err := r.client.StoragePoolLookupByName(model.Pool.ValueString())
	if err != nil {
		return libvirt.StorageVol{}, err
	}
	return r.client.StorageVolLookupByName(pool, model.Name.ValueString())
}

func (r *volumeResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var model volumeModel
	resp.Diagnostics.Append(req.State.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	volume, err := r.find(model)
	if isMissing(err) {
		resp.State.RemoveResource(ctx)
		return
	}
	var where string
	if err == nil {
		where, err = r.client.StorageVolGetPath(volume)
	}
	if err != nil {
		resp.Diagnostics.AddError("the volume "+model.Name.ValueString()+" cannot be read", err.Error())
		return
	}
	model.Path = types.StringValue(where)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

func (r *volumeResource) Update(_ context.Context, _ resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.Diagnostics.AddError("a volume is never changed", "every attribute asks for another one")
}

func (r *volumeResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var model volumeModel
	resp.Diagnostics.Append(req.State.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	volume, err := r.find(model)
	if isMissing(err) {
		return
	}
	if err == nil {
		err = r.client.StorageVolDelete(volume, libvirt.StorageVolDeleteNormal)
	}
	if err != nil {
		resp.Diagnostics.AddError("the volume "+model.Name.ValueString()+" cannot be removed", err.Error())
	}
}
