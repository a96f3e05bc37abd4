{{/* The name of what a release makes, and of a part of it: (list $ "guard") */}}
{{- define "hallpass.name" -}}
{{- $root := index . 0 -}}{{- $part := index . 1 -}}
{{- printf "%s-%s" (trunc 40 $root.Release.Name) $part -}}
{{- end -}}

{{- define "hallpass.selector" -}}
app.kubernetes.io/name: hallpass
app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "hallpass.labels" -}}
{{ include "hallpass.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version | quote }}
{{- end -}}

{{- define "hallpass.image" -}}
{{- with .Values.image -}}
{{- required "image.repository: ghcr.io/OWNER/hallpass of the release that you verified, or your registry's copy of it" .repository -}}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* What the restricted pod security standard asks of a pod */}}
{{- define "hallpass.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* … and of a container, with a root that nobody writes to */}}
{{- define "hallpass.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* What every pod has: (list $ "guard" .Values.guard) */}}
{{- define "hallpass.pod" -}}
{{- $root := index . 0 -}}{{- $part := index . 1 -}}{{- $values := index . 2 -}}
serviceAccountName: {{ include "hallpass.name" (list $root $part) }}
# it asks the cluster nothing; roles of AWS come by a token of their own
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "hallpass.podSecurity" $root | nindent 2 }}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A service account and its annotations: (list $ "guard" .Values.guard) */}}
{{- define "hallpass.account" -}}
{{- $root := index . 0 -}}{{- $part := index . 1 -}}{{- $values := index . 2 -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "hallpass.name" (list $root $part) }}
  labels:
    {{- include "hallpass.labels" (list $root $part) | nindent 4 }}
  {{- with $values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}

{{/* A service for one port: (list $ "guard" 9091) */}}
{{- define "hallpass.service" -}}
{{- $root := index . 0 -}}{{- $part := index . 1 -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "hallpass.name" (list $root $part) }}
  labels:
    {{- include "hallpass.labels" (list $root $part) | nindent 4 }}
spec:
  selector:
    {{- include "hallpass.selector" (list $root $part) | nindent 4 }}
  ports:
    - name: http
      port: {{ index . 2 }}
      targetPort: http
      protocol: TCP
{{- end -}}
