"""The provider of Avocado-VT: `qemu/tests` holds its test, `scripts` what the test runs in the guest."""
