package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

// TestARealLibvirt makes and removes one of each on the daemon that VEXLAB_LIBVIRT_SOCKET names, with a machine that
// boots VEXLAB_TEST_KERNEL under emulation.
func TestARealLibvirt(t *testing.T) {
	socket, kernel := os.Getenv("VEXLAB_LIBVIRT_SOCKET"), os.Getenv("VEXLAB_TEST_KERNEL")
	if socket == "" || kernel == "" {
		t.Skip("VEXLAB_LIBVIRT_SOCKET and VEXLAB_TEST_KERNEL name no daemon and no kernel")
	}
	client, err := connect(session, socket)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	pools := &poolResource{base{kind: "pool", client: client}}
	for range 2 { // the second time it is taken over, as after an apply that was killed
		if err := pools.make("vexlab-go-pool", filepath.Join(folder, "pool")); err != nil {
			t.Fatal(err)
		}
	}
	if err := pools.make("vexlab-go-pool", "/elsewhere"); err == nil {
		t.Error("a pool at another place is taken over")
	}
	volumes := &volumeResource{base{kind: "volume", client: client}}
	wanted := volumeModel{
		Name: types.StringValue("scratch.qcow2"), Pool: types.StringValue("vexlab-go-pool"),
		Size: types.Int64Value(64), Format: types.StringValue("qcow2"),
	}
	var disk string
	for range 2 {
		if disk, err = volumes.make(wanted); err != nil {
			t.Fatal(err)
		}
	}
	machines := &domainResource{base{kind: "domain", client: client}}
	console := filepath.Join(folder, "console.log")
	model := domainModel{
		Name: types.StringValue("vexlab-go"), Type: types.StringValue("qemu"), Memory: types.Int64Value(128),
		CPUs: types.Int64Value(1), Kernel: types.StringValue(kernel), Running: types.BoolValue(true),
		Cmdline: types.StringValue("console=ttyS0 no_timer_check panic=-1"), Hugepages: types.BoolValue(false),
		Console: types.StringValue(console),
		Disks: []diskModel{{
			Path: types.StringValue(disk), Format: types.StringValue("qcow2"), Serial: types.StringValue("scratch"),
			Cache: types.StringValue("unsafe"), IO: types.StringValue("threads"), ReadOnly: types.BoolValue(false),
		}},
	}
	first, err := machines.make(model)
	if err != nil {
		t.Fatal(err)
	}
	second, err := machines.make(model) // one of ours that nobody knows of is made anew
	if err != nil {
		t.Fatal(err)
	}
	if first.UUID == second.UUID {
		t.Error("the machine that was left is the new one")
	}
	found, err := machines.read(second)
	if err != nil || found.Memory.mib() != 128 || found.CPUs != 1 || found.Type != "qemu" || found.Description != owner {
		t.Errorf("%+v, %v", found, err)
	}
	if active, err := client.DomainIsActive(second); err != nil || active != 1 {
		t.Errorf("active %d, %v", active, err)
	}
	until := time.Now().Add(4 * time.Minute)
	for {
		if said, _ := os.ReadFile(console); len(said) > 200 {
			t.Logf("%d bytes on the console: %.80q", len(said), said)
			break
		}
		if time.Now().After(until) {
			t.Fatal("the kernel says nothing")
		}
		time.Sleep(time.Second)
	}
	if err := machines.remove(second); err != nil {
		t.Fatal(err)
	}
	if _, err := client.DomainLookupByName("vexlab-go"); !isMissing(err) {
		t.Errorf("the machine stays: %v", err)
	}
	volume, err := volumes.find(wanted)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.StorageVolDelete(volume, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := volumes.find(wanted); !isMissing(err) {
		t.Errorf("the volume stays: %v", err)
	}
	pool, err := client.StoragePoolLookupByName("vexlab-go-pool")
	if err != nil {
		t.Fatal(err)
	}
	if err := client.StoragePoolDestroy(pool); err != nil {
		t.Fatal(err)
	}
	if err := client.StoragePoolUndefine(pool); err != nil {
		t.Fatal(err)
	}
}
