output "images_pool" {
  description = "The pool for disks."
  value       = vexlab_pool.images.name
}

output "artifacts_path" {
  description = "The folder for what tests leave, such as consoles."
  value       = vexlab_pool.artifacts.path
}
