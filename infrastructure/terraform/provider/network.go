package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/netip"

	"github.com/digitalocean/go-libvirt"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type networkResource struct{ base }

type networkModel struct {
	Name   types.String `tfsdk:"name"`
	CIDR   types.String `tfsdk:"cidr"`
	Bridge types.String `tfsdk:"bridge"`
	Active types.Bool   `tfsdk:"active"`
}

// networkXML has no forward element: guests reach each other and the host, and nothing else.
type networkXML struct {
	XMLName xml.Name  `xml:"network"`
	Name    string    `xml:"name"`
	Bridge  bridgeXML `xml:"bridge"`
	DNS     dnsXML    `xml:"dns"`
	IP      ipXML     `xml:"ip"`
}

type bridgeXML struct {
	Name string `xml:"name,attr"`
}

type dnsXML struct {
	Enable string `xml:"enable,attr"`
}

type ipXML struct {
	Address string `xml:"address,attr"`
	Prefix  int    `xml:"prefix,attr"`
}

func newNetwork() resource.Resource { return &networkResource{base{kind: "network"}} }

func (r *networkResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "An isolated network: no way out, no name service, no addresses by DHCP.",
		Attributes: map[string]schema.Attribute{
			"name":   fixed("The network's name.", true),
			"cidr":   fixed("Its addresses in IPv4, such as 192.168.100.0/24; the host has the first.", true),
			"bridge": fixed("The name of the host's bridge, of at most 15 characters.", true),
			"active": schema.BoolAttribute{
				Required:    true,
				Description: "Whether it is up: that needs the rights to make a bridge, which a session's daemon lacks.",
			},
		},
	}
}

func described(model networkModel) (string, error) {
	prefix, err := netip.ParsePrefix(model.CIDR.ValueString())
	if err != nil {
		return "", err
	}
	if !prefix.Addr().Is4() || prefix.Bits() > 30 || prefix != prefix.Masked() {
		return "", fmt.Errorf("%s is no network of IPv4 with room for guests", prefix)
	}
	return marshal(networkXML{
		Name:   model.Name.ValueString(),
		Bridge: bridgeXML{Name: model.Bridge.ValueString()},
		DNS:    dnsXML{Enable: "no"},
		IP:     ipXML{Address: prefix.Addr().Next().String(), Prefix: prefix.Bits()},
	})
}

func (r *networkResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var model networkModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.make(model); err != nil {
		resp.Diagnostics.AddError("the network "+model.Name.ValueString()+" cannot be made", err.Error())
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// make defines a network; one of an apply that was killed is taken over where its bridge is the same.
func (r *networkResource) make(model networkModel) error {
	network, err := r.client.NetworkLookupByName(model.Name.ValueString())
	if err == nil {
		there, err := r.read(network)
		if err != nil {
			return err
		}
		if there.Bridge.Name != model.Bridge.ValueString() {
			return fmt.Errorf("there is one of the name, with the bridge %s", there.Bridge.Name)
		}
		if err := r.remove(network); err != nil {
			return err
		}
	} else if !isMissing(err) {
		return err
	}
	text, err := described(model)
	if err != nil {
		return err
	}
	if network, err = r.client.NetworkDefineXML(text); err != nil {
		return err
	}
	return r.bring(network, model.Active.ValueBool())
}

func (r *networkResource) bring(network libvirt.Network, active bool) error {
	now, err := r.client.NetworkIsActive(network)
	switch {
	case err != nil || (now == 1) == active:
		return err
	case active:
		return r.client.NetworkCreate(network)
	}
	return r.client.NetworkDestroy(network)
}

func (r *networkResource) read(network libvirt.Network) (networkXML, error) {
	var found networkXML
	text, err := r.client.NetworkGetXMLDesc(network, 0)
	if err == nil {
		err = xml.Unmarshal([]byte(text), &found)
	}
	return found, err
}

func (r *networkResource) remove(network libvirt.Network) error {
	if err := r.bring(network, false); err != nil {
		return err
	}
	return r.client.NetworkUndefine(network)
}

func (r *networkResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var model networkModel
	resp.Diagnostics.Append(req.State.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	network, err := r.client.NetworkLookupByName(model.Name.ValueString())
	if isMissing(err) {
		resp.State.RemoveResource(ctx)
		return
	}
	var found networkXML
	if err == nil {
		found, err = r.read(network)
	}
	var active int32
	if err == nil {
		active, err = r.client.NetworkIsActive(network)
	}
	if err != nil {
		resp.Diagnostics.AddError("the network "+model.Name.ValueString()+" cannot be read", err.Error())
		return
	}
	model.Bridge = types.StringValue(found.Bridge.Name)
	model.Active = types.BoolValue(active == 1)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

func (r *networkResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var model networkModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	network, err := r.client.NetworkLookupByName(model.Name.ValueString())
	if err == nil {
		err = r.bring(network, model.Active.ValueBool())
	}
	if err != nil {
		resp.Diagnostics.AddError("the network "+model.Name.ValueString()+" cannot be changed", err.Error())
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

func (r *networkResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var model networkModel
	resp.Diagnostics.Append(req.State.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	network, err := r.client.NetworkLookupByName(model.Name.ValueString())
	if isMissing(err) {
		return
	}
	if err == nil {
		err = r.remove(network)
	}
	if err != nil {
		resp.Diagnostics.AddError("the network "+model.Name.ValueString()+" cannot be removed", err.Error())
	}
}
