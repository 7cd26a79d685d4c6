# shellcheck shell=bash
# What scripts/test and .ci/run have in common: saying what happens, and bringing up what the tests need. Sourced, not run.

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# want_packages PACKAGE...: installs Debian packages. Call it only when something is missing: it asks the network.
want_packages() {
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    sudo=(sudo -n)
    if ! sudo -n true 2>/dev/null; then die "missing: please run as root: apt-get install --no-install-recommends $*"; fi
  fi
  command -v apt-get >/dev/null || die "missing, and this is not Debian: please install what Debian calls: $*"
  local log
  log=$(mktemp)
  say "installing from Debian: $*"
  local apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
  # The lists may be absent or old: then the first try fails, and only then do we fetch them.
  if ! "${apt[@]}" install --no-install-recommends "$@" >"$log" 2>&1 </dev/null; then
    { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null || {
      tail -n 20 "$log" >&2
      die "could not install: $*"
    }
  fi
  rm -f "$log"
}

# postgres_bin prints the folder of the newest PostgreSQL server, as Debian lays it out or as PATH has it.
postgres_bin() {
  local found
  found=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
  [ -x "$found" ] || found=$(command -v initdb) || return 1
  dirname "$(readlink -f "$found")"
}

chromium_bin() { command -v chromium || command -v /usr/bin/chromium; }

# as_postgres COMMAND...: PostgreSQL refuses to run as root, so then an unprivileged user runs it.
as_postgres() {
  if [ "$(id -u)" != 0 ]; then "$@"; return; fi
  local user=postgres
  id -u $user >/dev/null 2>&1 || user=nobody
  (cd / && runuser -u $user -- "$@")
}

# start_postgres sets FRESNEL_TEST_POSTGRES to a throwaway server that only this user (and the server's own) can reach: it listens on a
# socket in a private folder and on no port. The folder's name is the same in every run, because go test caches a result by the value of
# the variables that the test read; a second run at the same time gets a folder of its own.
start_postgres() {
  local bin
  bin=$(postgres_bin) || die "PostgreSQL is not where Debian puts it"
  postgres_dir=/tmp/fresnel-$(id -u)-$(pwd -P | cksum | cut -d' ' -f1)
  if [ ! -d "$postgres_dir" ] && ! mkdir -m 700 "$postgres_dir"; then die "cannot make $postgres_dir"; fi
  if [ ! -O "$postgres_dir" ] || [ -L "$postgres_dir" ]; then die "$postgres_dir is not ours: please remove it"; fi
  exec 9>"$postgres_dir/lock"
  if ! flock -n 9; then
    exec 9>&-
    postgres_dir=$(mktemp -d /tmp/fresnel-XXXXXX)
  fi
  trap stop_postgres EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  stop_postgres_server "$bin" # what a killed run left
  mkdir -m 700 "$postgres_dir/run"
  chmod 711 "$postgres_dir"
  if [ "$(id -u)" = 0 ]; then chown "$(as_postgres id -u)" "$postgres_dir/run"; fi
  (
    exec 9>&-
    as_postgres "$bin/initdb" --no-sync -A trust -U fresnel -E UTF8 --locale=C.UTF-8 -D "$postgres_dir/run/data"
    as_postgres "$bin/pg_ctl" start -w -t 60 -D "$postgres_dir/run/data" -l "$postgres_dir/run/server.log" \
      -o "-k $postgres_dir/run -c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=400"
  ) >"$postgres_dir/run/start.log" 2>&1 </dev/null || {
    cat "$postgres_dir/run/start.log" "$postgres_dir/run/server.log" >&2 || true
    die "PostgreSQL did not start"
  }
  export FRESNEL_TEST_POSTGRES="postgres://fresnel@/postgres?host=$postgres_dir/run"
}

stop_postgres_server() {
  if [ -e "$postgres_dir/run/data/postmaster.pid" ]; then
    as_postgres "$1/pg_ctl" stop -m immediate -D "$postgres_dir/run/data" >/dev/null 2>&1 </dev/null || true
  fi
  rm -rf "$postgres_dir/run"
}

stop_postgres() {
  stop_postgres_server "$(postgres_bin)"
  # A folder that is locked keeps its name and its lock file; one made for this run alone goes.
  if [ ! -e "$postgres_dir/lock" ]; then rm -rf "$postgres_dir"; fi
}

# The accessibility checker that the browser tests load into pages comes with the front end's tools.
ui=internal/web/ui/frontend
axe=$ui/node_modules/axe-core/axe.min.js

axe_asked() { grep -qs '"node_modules/axe-core"' $ui/package-lock.json; }

# axe_stale tells whether it is asked for and not there: npm writes .package-lock.json last, so that one tells whether an install was
# finished and is of this lock file.
axe_stale() { axe_asked && { [ ! -e $axe ] || [ $ui/package-lock.json -nt $ui/node_modules/.package-lock.json ]; }; }

install_axe() {
  say "installing the front end's tools with npm, for axe-core"
  (cd $ui && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) </dev/null || die "npm ci failed in $ui"
  touch $ui/node_modules/.package-lock.json
}
