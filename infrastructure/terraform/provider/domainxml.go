package main

import "encoding/xml"

// The parts of libvirt's domain format (https://libvirt.org/formatdomain.html) that a test machine needs.
type domainXML struct {
	XMLName     xml.Name    `xml:"domain"`
	Type        string      `xml:"type,attr"`
	Name        string      `xml:"name"`
	Description string      `xml:"description"`
	Memory      memoryXML   `xml:"memory"`
	Backing     *hugeXML    `xml:"memoryBacking"`
	CPUs        int64       `xml:"vcpu"`
	OS          osXML       `xml:"os"`
	Features    featuresXML `xml:"features"`
	OnPoweroff  string      `xml:"on_poweroff"`
	OnReboot    string      `xml:"on_reboot"`
	OnCrash     string      `xml:"on_crash"`
	Devices     devicesXML  `xml:"devices"`
}

type memoryXML struct {
	Unit  string `xml:"unit,attr"`
	Value int64  `xml:",chardata"`
}

// mib returns the memory in MiB, whatever unit libvirt chose to tell it in.
func (m memoryXML) mib() int64 {
	units := map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "b": 1, "bytes": 1, "": 1 << 10}
	return m.Value * units[m.Unit] / mib
}

type hugeXML struct {
	Hugepages struct{} `xml:"hugepages"`
}

type osXML struct {
	Type    osTypeXML `xml:"type"`
	Kernel  string    `xml:"kernel,omitempty"`
	Initrd  string    `xml:"initrd,omitempty"`
	Cmdline string    `xml:"cmdline,omitempty"`
}

type osTypeXML struct {
	Arch    string `xml:"arch,attr"`
	Machine string `xml:"machine,attr,omitempty"`
	Value   string `xml:",chardata"`
}

type featuresXML struct {
	ACPI struct{} `xml:"acpi"`
}

type devicesXML struct {
	Disks      []diskXML      `xml:"disk"`
	Interfaces []interfaceXML `xml:"interface"`
	Serial     *serialXML     `xml:"serial"`
	Memballoon *balloonXML    `xml:"memballoon"`
}

type balloonXML struct {
	Model string `xml:"model,attr"`
}

type diskXML struct {
	Type     string    `xml:"type,attr"`
	Device   string    `xml:"device,attr"`
	Driver   driverXML `xml:"driver"`
	Source   sourceXML `xml:"source"`
	Target   targetXML `xml:"target"`
	ReadOnly *struct{} `xml:"readonly"`
	Serial   string    `xml:"serial,omitempty"`
}

type driverXML struct {
	Name  string `xml:"name,attr"`
	Type  string `xml:"type,attr"`
	Cache string `xml:"cache,attr"`
	IO    string `xml:"io,attr"`
}

type sourceXML struct {
	File    string `xml:"file,attr,omitempty"`
	Path    string `xml:"path,attr,omitempty"`
	Network string `xml:"network,attr,omitempty"`
}

type targetXML struct {
	Dev string `xml:"dev,attr,omitempty"`
	Bus string `xml:"bus,attr,omitempty"`
}

type interfaceXML struct {
	Type   string    `xml:"type,attr"`
	Source sourceXML `xml:"source"`
	Model  modelXML  `xml:"model"`
}

type modelXML struct {
	Type string `xml:"type,attr"`
}

type serialXML struct {
	Type   string    `xml:"type,attr"`
	Source sourceXML `xml:"source"`
}

// domainOf returns the domain that a model asks for. A guest that reboots or crashes stays down: it is looked at.
func domainOf(model domainModel) domainXML {
	made := domainXML{
		Type:        model.Type.ValueString(),
		Name:        model.Name.ValueString(),
		Description: owner,
		Memory:      memoryXML{Unit: "MiB", Value: model.Memory.ValueInt64()},
		CPUs:        model.CPUs.ValueInt64(),
		OS: osXML{
			Type:    osTypeXML{Arch: "x86_64", Machine: "q35", Value: "hvm"},
			Kernel:  model.Kernel.ValueString(),
			Initrd:  model.Initrd.ValueString(),
			Cmdline: model.Cmdline.ValueString(),
		},
		OnPoweroff: "destroy",
		OnReboot:   "destroy",
		OnCrash:    "preserve",
		Devices:    devicesXML{Memballoon: &balloonXML{Model: "none"}},
	}
	if model.Hugepages.ValueBool() {
		made.Backing = &hugeXML{}
	}
	for number, disk := range model.Disks {
		made.Devices.Disks = append(made.Devices.Disks, diskOf(number, disk))
	}
	if network := model.Network.ValueString(); network != "" {
		made.Devices.Interfaces = []interfaceXML{
			{Type: "network", Source: sourceXML{Network: network}, Model: modelXML{Type: "virtio"}},
		}
	}
	if console := model.Console.ValueString(); console != "" {
		made.Devices.Serial = &serialXML{Type: "file", Source: sourceXML{Path: console}}
	}
	return made
}

func diskOf(number int, disk diskModel) diskXML {
	made := diskXML{
		Type:   "file",
		Device: "disk",
		Driver: driverXML{
			Name:  "qemu",
			Type:  disk.Format.ValueString(),
			Cache: disk.Cache.ValueString(),
			IO:    disk.IO.ValueString(),
		},
		Source: sourceXML{File: disk.Path.ValueString()},
		Target: targetXML{Dev: device(number), Bus: "virtio"},
		Serial: disk.Serial.ValueString(),
	}
	if disk.ReadOnly.ValueBool() {
		made.ReadOnly = &struct{}{}
	}
	return made
}
