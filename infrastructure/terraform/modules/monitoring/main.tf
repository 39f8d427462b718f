# Configuration of Prometheus and Alertmanager; dashboards for Grafana stand in infrastructure/monitoring/grafana.
resource "vexlab_file" "prometheus" {
  path = "${var.path}/prometheus.yml"
  content = yamlencode({
    global         = { scrape_interval = "15s", external_labels = var.labels }
    rule_files     = [vexlab_file.rules.path]
    alerting       = { alertmanagers = [{ static_configs = [{ targets = [var.alertmanager] }] }] }
    scrape_configs = [{ job_name = "vexlab", static_configs = [{ targets = var.targets }] }]
  })
}

resource "vexlab_file" "rules" {
  path    = "${var.path}/rules.yml"
  content = file(var.rules)
}

resource "vexlab_file" "alertmanager" {
  path = "${var.path}/alertmanager.yml"
  content = yamlencode({
    route     = { receiver = "nobody", group_by = ["alertname"] }
    receivers = [{ name = "nobody" }]
  })
}
