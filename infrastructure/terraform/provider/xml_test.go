package main

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

func sample() domainModel {
	return domainModel{
		Name: types.StringValue("a&b"), Type: types.StringValue("qemu"), Memory: types.Int64Value(256),
		CPUs: types.Int64Value(2), Kernel: types.StringValue("/k"), Running: types.BoolValue(true),
		Hugepages: types.BoolValue(false),
		Disks: []diskModel{{
			Path: types.StringValue("/d"), Format: types.StringValue("qcow2"), Serial: types.StringValue("scratch"),
			Cache: types.StringValue("none"), IO: types.StringValue("native"), ReadOnly: types.BoolValue(true),
		}},
	}
}

func TestADomainWithoutANetworkHasNoNetworkDevice(t *testing.T) {
	text, err := marshal(domainOf(sample()))
	if err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []string{
		`<domain type="qemu">`, "<name>a&amp;b</name>", `<memory unit="MiB">256</memory>`, `dev="vda"`,
		`cache="none" io="native"`, "<readonly></readonly>", "<on_crash>preserve</on_crash>",
	} {
		if !strings.Contains(text, wanted) {
			t.Errorf("%s is missing in\n%s", wanted, text)
		}
	}
	for _, unwanted := range []string{"<interface", "hugepages", "forward"} {
		if strings.Contains(text, unwanted) {
			t.Errorf("%s is in\n%s", unwanted, text)
		}
	}
}

func TestANetworkHasNoWayOut(t *testing.T) {
	model := networkModel{
		Name: types.StringValue("n"), CIDR: types.StringValue("192.168.100.0/24"), Bridge: types.StringValue("vl0"),
	}
	text, err := described(model)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "forward") || !strings.Contains(text, `address="192.168.100.1" prefix="24"`) {
		t.Error(text)
	}
	for _, wrong := range []string{"192.168.100.1/24", "fd00::/64", "10.0.0.0/31", "x"} {
		model.CIDR = types.StringValue(wrong)
		if _, err := described(model); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}

func TestMemoryIsReadInAnyUnit(t *testing.T) {
	for unit, value := range map[string]int64{"KiB": 262144, "MiB": 256, "b": 268435456} {
		if got := (memoryXML{Unit: unit, Value: value}).mib(); got != 256 {
			t.Errorf("%d %s is %d", value, unit, got)
		}
	}
}
