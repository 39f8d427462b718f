output "configs" {
  description = "The files for `lxc-start -f`."
  value       = [for file in vexlab_file.config : file.path]
}
