#!/usr/bin/env bash
# deployer:service
SERVICE_START='python3 app.py'
SERVICE_PORT='8080'
SERVICE_HEALTH_PATH='/health'
# deployer:end

# Installs the release that this instance's tags name, and runs it for as long as the instance
# lives. The tags come from the launch template's version, so an instance always knows which
# release it is. Running this twice changes nothing. Needs systemd, curl, tar and the AWS CLI; for
# the CloudWatch agent (where AGENT_LOG_GROUP is set) dnf too.
set -euo pipefail

readonly METADATA=http://169.254.169.254/latest
readonly HOME_DIRECTORY=/opt/deployer
readonly UNIT=deployer.service
readonly BOOT_UNIT=deployer-bootstrap.service
readonly UNITS=/etc/systemd/system
readonly AGENT=/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl
readonly OUTPUT=/var/log/deployer/output.log
readonly SECONDS_TO_ANSWER=120

main() {
  local token release artifact verb=restart
  install -d -m 0755 "$HOME_DIRECTORY" "$HOME_DIRECTORY/releases"
  run_at_every_boot
  token=$(new_token)
  release=$(tag "$token" deployer:release) || die "no tag deployer:release: nothing to run"
  artifact=$(tag "$token" deployer:artifact) || die "no tag deployer:artifact: nothing to run"
  [[ $release =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || die "not a release name: $release"
  [[ $artifact == s3://*/* ]] || die "not an S3 URI: $artifact"
  AWS_DEFAULT_REGION=$(metadata "$token" placement/region)
  export AWS_DEFAULT_REGION

  fetch_once "$artifact" "$HOME_DIRECTORY/releases/$release"
  # What a later boot has already started is not started again.
  [[ $(readlink "$HOME_DIRECTORY/current") != "releases/$release" ]] || verb=start
  ln -sfn "releases/$release" "$HOME_DIRECTORY/current"
  write_service "$release"
  systemctl daemon-reload
  systemctl enable --quiet "$UNIT"
  systemctl "$verb" "$UNIT"
  # Before anybody waits for an answer: what a release that never answers has to say is wanted most.
  [[ -z ${AGENT_LOG_GROUP:-} ]] || start_agent "$release" ||
    echo "deployer: the CloudWatch agent does not run: see the lines above" >&2
  await_answer "$release"
}

# cloud-init runs user data at the first boot only. An instance that was stopped in the middle of it,
# by a warm pool for one, is made whole at its next boot.
run_at_every_boot() {
  [[ $0 -ef $HOME_DIRECTORY/bootstrap ]] || install -m 0755 "$0" "$HOME_DIRECTORY/bootstrap"
  cat >"$UNITS/$BOOT_UNIT" <<UNIT_FILE
[Unit]
Description=Installs the release named by this instance's tags
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
ExecStart=$HOME_DIRECTORY/bootstrap
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=multi-user.target
UNIT_FILE
  systemctl enable --quiet "$BOOT_UNIT"
}

die() {
  echo "deployer: $*" >&2
  exit 1
}

# IMDSv2: a session token first, then everything with it.
new_token() {
  curl --fail --silent --show-error --retry 10 --retry-all-errors --retry-delay 1 --max-time 5 \
    --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 900' "$METADATA/api/token"
}

metadata() {
  curl --fail --silent --show-error --retry 10 --retry-all-errors --retry-delay 1 --max-time 5 \
    --header "X-aws-ec2-metadata-token: $1" "$METADATA/meta-data/$2"
}

tag() {
  metadata "$1" "tags/instance/$2"
}

# A directory of a release exists whole or not at all: it is unpacked beside and then renamed.
fetch_once() (
  artifact=$1 target=$2
  [[ ! -d $target ]] || return 0
  work=$(mktemp -d "$HOME_DIRECTORY/releases/.unpack.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  fetch "$artifact" "$work/artifact"
  install -d -m 0755 "$work/app"
  tar --extract --gzip --no-same-owner --file "$work/artifact" --directory "$work/app"
  chmod -R a+rX,go-w "$work/app"
  mv --no-target-directory "$work/app" "$target"
)

# One request brings the object and the SHA-256 that its uploader wrote into its metadata.
fetch() {
  local path=${1#s3://} file=$2 sum
  sum=$(aws s3api get-object --bucket "${path%%/*}" --key "${path#*/}" \
    --query Metadata.sha256 --output text "$file") || die "$1 cannot be fetched: see the line above"
  [[ $sum =~ ^[0-9a-f]{64}$ ]] || die "$1 has no sha256 in its metadata: it is not installed"
  echo "$sum  $file" | sha256sum --check --quiet || die "$1 is not what was uploaded"
}

write_service() {
  local output=journal+console
  if [[ -n ${AGENT_LOG_GROUP:-} ]]; then
    install -d -m 0755 "${OUTPUT%/*}"
    output=append:$OUTPUT
  fi
  printf '#!/usr/bin/env bash\nexec bash -c %q\n' "$SERVICE_START" >"$HOME_DIRECTORY/start"
  printf 'HOST=0.0.0.0\nPORT=%s\nRELEASE=%s\n' "$SERVICE_PORT" "$1" >"$HOME_DIRECTORY/environment"
  cat >"$UNITS/$UNIT" <<UNIT_FILE
[Unit]
Description=The release named by this instance's tags
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
EnvironmentFile=$HOME_DIRECTORY/environment
WorkingDirectory=$HOME_DIRECTORY/current
ExecStart=/bin/bash $HOME_DIRECTORY/start
DynamicUser=yes
NoNewPrivileges=yes
Restart=always
RestartSec=2
KillSignal=SIGTERM
TimeoutStopSec=30
StandardOutput=$output
StandardError=$output

[Install]
WantedBy=multi-user.target
UNIT_FILE
}

# For whoever reads the console's log: the load balancer, not this script, decides what is healthy.
await_answer() {
  local url="http://127.0.0.1:$SERVICE_PORT$SERVICE_HEALTH_PATH"
  until curl --fail --silent --output /dev/null --max-time 2 "$url"; do
    ((SECONDS < SECONDS_TO_ANSWER)) || die "release $1 does not answer $url: see journalctl -u $UNIT"
    sleep 1
  done
  echo "deployer: release $1 answers after $SECONDS s"
}

# Memory, disk, and what the application writes. Without it the release serves all the same.
# The instance's id is the one dimension that the agent knows by itself: for the group's name it would
# ask EC2 (DescribeTags), and send no metric until it may.
start_agent() {
  local config=$HOME_DIRECTORY/agent.json
  printf '%s {\n  daily\n  rotate 3\n  maxsize 100M\n  copytruncate\n  missingok\n}\n' "$OUTPUT" \
    >/etc/logrotate.d/deployer &&
    cat >"$config" <<AGENT_CONFIG &&
{
  "metrics": {
    "append_dimensions": {"InstanceId": "\${aws:InstanceId}"},
    "metrics_collected": {
      "mem": {"measurement": ["mem_used_percent"], "append_dimensions": {"Release": "$1"}},
      "disk": {
        "measurement": ["used_percent"], "resources": ["/"], "append_dimensions": {"Release": "$1"}
      }
    }
  },
  "logs": {"logs_collected": {"files": {"collect_list": [
    {"file_path": "$OUTPUT", "log_group_name": "$AGENT_LOG_GROUP", "log_stream_name": "{instance_id}"}
  ]}}}
}
AGENT_CONFIG
    { [[ -x $AGENT ]] || dnf install --quiet --assumeyes amazon-cloudwatch-agent; } &&
    "$AGENT" -a fetch-config -m ec2 -s -c "file:$config"
}

main "$@"
