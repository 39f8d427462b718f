// A provider for test machines on libvirt: pools, volumes, networks and domains, no more than vexlab's modules need.
//
// The public libvirt provider has resources of the same kinds; the modules keep their inputs and outputs such that it
// could take this one's place.
package main

import (
	"context"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
)

// Address is the name under which configurations ask for this provider.
const Address = "terraform.local/vexlab/vexlab"

func main() {
	if err := providerserver.Serve(context.Background(), newProvider, providerserver.ServeOpts{Address: Address}); err != nil {
		log.Fatal(err)
	}
}
