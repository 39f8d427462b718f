package main

import (
	"context"
	"encoding/xml"
	"fmt"

	"github.com/digitalocean/go-libvirt"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
)

// base is what every resource shares: a name that is its id, and the connection.
type base struct {
	kind   string
	client *libvirt.Libvirt
}

func (b *base) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + b.kind
}

func (b *base) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	if req.ProviderData == nil {
		return // validation alone
	}
	client, ok := req.ProviderData.(*libvirt.Libvirt)
	if !ok {
		resp.Diagnostics.AddError("no connection", fmt.Sprintf("the provider gave a %T", req.ProviderData))
		return
	}
	b.client = client
}

func (b *base) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	resource.ImportStatePassthroughID(ctx, path.Root("name"), req, resp)
}

// fixed is an attribute that only another object can have another value of.
func fixed(description string, required bool) schema.StringAttribute {
	return schema.StringAttribute{
		Description:   description,
		Required:      required,
		Optional:      !required,
		PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
	}
}

func computed(description string) schema.StringAttribute {
	return schema.StringAttribute{
		Description:   description,
		Computed:      true,
		PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
	}
}

func marshal(value any) (string, error) {
	data, err := xml.MarshalIndent(value, "", "  ")
	return string(data), err
}
