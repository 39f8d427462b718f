package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"github.com/digitalocean/go-libvirt"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/boolplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// owner is the description by which a domain is known as one of ours.
const owner = "a test machine of vexlab"

type domainResource struct{ base }

type diskModel struct {
	Path     types.String `tfsdk:"path"`
	Format   types.String `tfsdk:"format"`
	Serial   types.String `tfsdk:"serial"`
	Cache    types.String `tfsdk:"cache"`
	IO       types.String `tfsdk:"io"`
	ReadOnly types.Bool   `tfsdk:"read_only"`
}

type domainModel struct {
	Name      types.String `tfsdk:"name"`
	Type      types.String `tfsdk:"type"`
	Memory    types.Int64  `tfsdk:"memory_mib"`
	CPUs      types.Int64  `tfsdk:"cpus"`
	Kernel    types.String `tfsdk:"kernel"`
	Initrd    types.String `tfsdk:"initrd"`
	Cmdline   types.String `tfsdk:"cmdline"`
	Disks     []diskModel  `tfsdk:"disks"`
	Network   types.String `tfsdk:"network"`
	Hugepages types.Bool   `tfsdk:"hugepages"`
	Console   types.String `tfsdk:"console_log"`
	Running   types.Bool   `tfsdk:"running"`
	UUID      types.String `tfsdk:"uuid"`
}

func newDomain() resource.Resource { return &domainResource{base{kind: "domain"}} }

func (r *domainResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	whole := func(about string) schema.Int64Attribute {
		return schema.Int64Attribute{
			Description: about, Required: true,
			PlanModifiers: []planmodifier.Int64{int64planmodifier.RequiresReplace()},
		}
	}
	resp.Schema = schema.Schema{
		Description: "A test machine. Whatever changes but running makes another one: none is ever half of the old.",
		Attributes: map[string]schema.Attribute{
			"name":        fixed("The domain's name.", true),
			"type":        fixed("kvm, or qemu for emulation.", true),
			"memory_mib":  whole("Memory in MiB."),
			"cpus":        whole("CPUs."),
			"kernel":      fixed("A kernel's image to boot; without one the first disk is booted.", false),
			"initrd":      fixed("Its initial ramdisk.", false),
			"cmdline":     fixed("Its command line.", false),
			"network":     fixed("The name of a network; without one the machine has no network device at all.", false),
			"console_log": fixed("A file for what the guest prints on its serial line.", false),
			"hugepages": schema.BoolAttribute{
				Description: "Whether the memory comes from the host's huge pages.", Required: true,
				PlanModifiers: []planmodifier.Bool{boolplanmodifier.RequiresReplace()},
			},
			"running": schema.BoolAttribute{Description: "Whether it runs.", Required: true},
			"uuid":    computed("The id that libvirt gave it."),
			"disks": schema.ListNestedAttribute{
				Description:   "Its disks, in order.",
				Optional:      true,
				PlanModifiers: []planmodifier.List{listplanmodifier.RequiresReplace()},
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"path":      schema.StringAttribute{Required: true, Description: "The disk's file."},
					"format":    schema.StringAttribute{Required: true, Description: "qcow2 or raw."},
					"serial":    schema.StringAttribute{Required: true, Description: "By which the guest knows it."},
					"cache":     schema.StringAttribute{Required: true, Description: "none, writeback, unsafe …"},
					"io":        schema.StringAttribute{Required: true, Description: "native, threads or io_uring."},
					"read_only": schema.BoolAttribute{Required: true, Description: "Whether it cannot be written."},
				}},
			},
		},
	}
}

func (r *domainResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var model domainModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	domain, err := r.make(model)
	if err != nil {
		resp.Diagnostics.AddError("the domain "+model.Name.ValueString()+" cannot be made", err.Error())
		return
	}
	model.UUID = types.StringValue(printed(domain.UUID))
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// make defines a domain and starts it; one of ours that an apply left when it was killed goes first.
func (r *domainResource) make(model domainModel) (libvirt.Domain, error) {
	left, err := r.client.DomainLookupByName(model.Name.ValueString())
	if err == nil {
		there, err := r.read(left)
		if err != nil {
			return left, err
		}
		if there.Description != owner {
			return left, fmt.Errorf("there is one of the name that is not ours")
		}
		if err := r.remove(left); err != nil {
			return left, err
		}
	} else if !isMissing(err) {
		return left, err
	}
	text, err := marshal(domainOf(model))
	if err != nil {
		return left, err
	}
	domain, err := r.client.DomainDefineXML(text)
	if err != nil {
		return domain, err
	}
	if err := r.bring(domain, model.Running.ValueBool()); err != nil {
		// What cannot run must not stay behind, unknown to the state.
		if again := r.remove(domain); again != nil {
			return domain, fmt.Errorf("%w; nor can it be removed: %v", err, again)
		}
		return domain, err
	}
	return domain, nil
}

func (r *domainResource) bring(domain libvirt.Domain, running bool) error {
	now, err := r.client.DomainIsActive(domain)
	switch {
	case err != nil || (now == 1) == running:
		return err
	case running:
		return r.client.DomainCreate(domain)
	}
	return r.client.DomainDestroy(domain)
}

func (r *domainResource) remove(domain libvirt.Domain) error {
	if err := r.bring(domain, false); err != nil {
		return err
	}
	return r.client.DomainUndefineFlags(domain, libvirt.DomainUndefineManagedSave|libvirt.DomainUndefineNvram)
}

func (r *domainResource) read(domain libvirt.Domain) (domainXML, error) {
	var found domainXML
	text, err := r.client.DomainGetXMLDesc(domain, 0)
	if err == nil {
		err = xml.Unmarshal([]byte(text), &found)
	}
	return found, err
}

func (r *domainResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var model domainModel
	resp.Diagnostics.Append(req.State.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	domain, err := r.client.DomainLookupByName(model.Name.ValueString())
	if isMissing(err) {
		resp.State.RemoveResource(ctx)
		return
	}
	var found domainXML
	if err == nil {
		found, err = r.read(domain)
	}
	var active int32
	if err == nil {
		active, err = r.client.DomainIsActive(domain)
	}
	if err != nil {
		resp.Diagnostics.AddError("the domain "+model.Name.ValueString()+" cannot be read", err.Error())
		return
	}
	model.Running = types.BoolValue(active == 1)
	model.Memory = types.Int64Value(found.Memory.mib())
	model.CPUs = types.Int64Value(found.CPUs)
	model.Type = types.StringValue(found.Type)
	model.UUID = types.StringValue(printed(domain.UUID))
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

func (r *domainResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var model domainModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	domain, err := r.client.DomainLookupByName(model.Name.ValueString())
	if err == nil {
		err = r.bring(domain, model.Running.ValueBool())
	}
	if err != nil {
		resp.Diagnostics.AddError("the domain "+model.Name.ValueString()+" cannot be changed", err.Error())
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

func (r *domainResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var model domainModel
	resp.Diagnostics.Append(req.State.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	domain, err := r.client.DomainLookupByName(model.Name.ValueString())
	if isMissing(err) {
		return
	}
	if err == nil {
		err = r.remove(domain)
	}
	if err != nil {
		resp.Diagnostics.AddError("the domain "+model.Name.ValueString()+" cannot be removed", err.Error())
	}
}

func printed(uuid libvirt.UUID) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", uuid[0:4], uuid[4:6], uuid[6:8], uuid[8:10], uuid[10:16])
}

// device returns the name of the disk with a number: vda, vdb …
func device(number int) string {
	return "vd" + strings.ToLower(strconv.FormatInt(int64(number+10), 36))
}
