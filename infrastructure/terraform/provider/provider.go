package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/digitalocean/go-libvirt"
	"github.com/digitalocean/go-libvirt/socket/dialers"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

const (
	system  = "qemu:///system"
	session = "qemu:///session"
)

type vexlabProvider struct{}

type providerModel struct {
	URI    types.String `tfsdk:"uri"`
	Socket types.String `tfsdk:"socket"`
}

func newProvider() provider.Provider { return &vexlabProvider{} }

func (p *vexlabProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "vexlab"
}

func (p *vexlabProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "Test machines on a libvirt of this host.",
		Attributes: map[string]schema.Attribute{
			"uri": schema.StringAttribute{
				Optional:    true,
				Description: "qemu:///system or qemu:///session; also LIBVIRT_DEFAULT_URI.",
			},
			"socket": schema.StringAttribute{
				Optional:    true,
				Description: "The daemon's socket, where it is not at its usual place; also VEXLAB_LIBVIRT_SOCKET.",
			},
		},
	}
}

func (p *vexlabProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var model providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	uri := first(model.URI.ValueString(), os.Getenv("LIBVIRT_DEFAULT_URI"), system)
	socket := first(model.Socket.ValueString(), os.Getenv("VEXLAB_LIBVIRT_SOCKET"), usualSocket(uri))
	client, err := connect(uri, socket)
	if err != nil {
		resp.Diagnostics.AddError("libvirt cannot be reached", err.Error())
		return
	}
	resp.ResourceData = client
}

func (p *vexlabProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{newPool, newVolume, newNetwork, newDomain, newFile}
}

func (p *vexlabProvider) DataSources(context.Context) []func() datasource.DataSource { return nil }

func connect(uri, socket string) (*libvirt.Libvirt, error) {
	if uri != system && uri != session {
		return nil, fmt.Errorf("the uri %q is neither %s nor %s", uri, system, session)
	}
	client := libvirt.NewWithDialer(dialers.NewLocal(dialers.WithSocket(socket)))
	if err := client.ConnectToURI(libvirt.ConnectURI(uri)); err != nil {
		return nil, fmt.Errorf("%s at %s: %w; is libvirtd (or virtqemud) running?", uri, socket, err)
	}
	return client, nil
}

// usualSocket returns where the daemon of a URI listens, as libvirt's own client has it.
func usualSocket(uri string) string {
	if uri == system {
		return "/var/run/libvirt/libvirt-sock"
	}
	runtime := first(os.Getenv("XDG_RUNTIME_DIR"), filepath.Join(os.Getenv("HOME"), ".cache"))
	return filepath.Join(runtime, "libvirt", "libvirt-sock")
}

func first(values ...string) string {
	for _, value := range values {
		if strings.TrimSpace(value) != "" {
			return value
		}
	}
	return ""
}

// isMissing tells whether an error says that there is no such object.
func isMissing(err error) bool {
	fault, ok := err.(libvirt.Error)
	if !ok {
		return false
	}
	switch libvirt.ErrorNumber(fault.Code) {
	case libvirt.ErrNoDomain, libvirt.ErrNoNetwork, libvirt.ErrNoStoragePool, libvirt.ErrNoStorageVol:
		return true
	}
	return false
}
