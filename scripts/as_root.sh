# Sourced by scripts that must write into the system: runs a command as root, through sudo where needed.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "$0: root or sudo is needed to run: $*" >&2
    return 1
  fi
}
