output "configs" {
  description = "The files for `lxc-execute -f`."
  value       = [for file in vexlab_file.config : file.path]
}
