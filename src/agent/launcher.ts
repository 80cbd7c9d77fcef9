// Runs in: main thread.

/**
 * The one stable entry of a node, outside every version's folder: it runs the active version. While a version is on
 * probation it counts the starts in `control/probation` (one line: the new version, the old one, starts so far or
 * `back`, seconds that one start may take to get well, boots of the machine with `hung` after those that had to be
 * ended). It goes back to the old version after the third start without success, or at once when the new one cannot be
 * executed. `VERSION/previous` names the old one as well, in case the counter is damaged. A version that hangs is ended,
 * so that whoever supervises the node (systemd, cron) starts it again. Nothing in `data/` is read, and whatever it reads
 * elsewhere counts only as the name of a version, whose program is a binary or a script.
 */
export const LAUNCHER = `#!/bin/sh
# The stable entry to Ivy: runs the active version, and goes back to the previous one when a new one does not get well.
root=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
export IVY_ROOT="\${IVY_ROOT:-$root}"
counter=$root/control/probation elf=$(printf '\\177ELF')
is_version() { case $1 in *[!0-9A-Za-z.-]*) false ;; *) echo "$1" | grep -Eqx '[0-9]+\\.[0-9]+\\.[0-9]+(-.+)?' ;; esac; }
is_program() { [ -f "$1" ] && [ -x "$1" ] && case $(head -c 4 "$1" | tr -d '\\0') in "$elf" | '#!'*) ;; *) false; esac; }
usable() { is_version "$1" && is_program "$root/$1/ivy"; }
durable() { sync "$1" 2>/dev/null || sync; }
is_ours() { case $(readlink "/proc/$1/exe") in "$root"/*) ;; *) false ;; esac; }
write_counter() {
  { echo "$new $old $1 $limit $boots" >"$counter.tmp"; } 2>/dev/null &&
    durable "$counter.tmp" && mv -f "$counter.tmp" "$counter" && durable "$root/control"
}
go_back() {
  usable "$old" && rm -rf "$root/current.tmp" && ln -s "$old" "$root/current.tmp" || return 0
  mv -fT "$root/current.tmp" "$root/current" && durable "$root" || return 0
  echo "ivy: back to $old, because $new $1" >&2
  write_counter back || :; new=$old
}
end_if_it_hangs() { # as long as this start is the one that counts
  exec >/dev/null 2>&1 </dev/null; for _ in $(seq 1 5 "$limit"); do sleep 5
    agent=$(cat "$root/control/run.lock")
    [ "$(cat "$counter")" = "$1" ] && { is_ours $$ || is_ours "$agent"; } || return 0
  done
  for pid in $$ "$agent"; do is_ours "$pid" && boots=$boots,hung && write_counter $((starts + 1)) && kill -9 "$pid"; done
}
new=$(readlink "$root/current") old=$(cat "$root/current/previous" 2>/dev/null) limit=0 boots=-
case \${1-} in run | start | restart)
  if [ ! -e "$counter" ]; then usable "$new" || go_back "is damaged"
  elif ! head -n 1 "$counter" | grep -Eqx '[^ ]+ [^ ]+ ([0-3]|back) [0-9]{1,6} [^ ]+'; then go_back "has lost its counter"
  elif read -r name old starts limit boots <"$counter" && [ "$name $starts" = "$new \${starts%back}" ] &&
    { [ "$1" = restart ] || ! is_ours "$(cat "$root/control/run.lock" 2>&1)"; }; then
    boots=$boots,$(cut -c1-8 /proc/sys/kernel/random/boot_id); if [ "$starts" = 3 ]; then go_back "did not get well in 3 starts"
    elif ! usable "$new" || ! timeout 60 "$root/$new/ivy" info 2>/dev/null | grep -Fq "$new"; then go_back "cannot be executed"
    elif ! write_counter $((starts + 1)); then go_back "cannot be counted: the disk takes nothing"
    else end_if_it_hangs "$(cat "$counter")" & fi
  fi; esac
usable "$new" || { echo "ivy: $root/$new/ivy is missing, empty or no program: copy Ivy's binary to this machine \
again, and run there: BINARY init --root $root" >&2; exit 1; }
exec "$root/$new/ivy" "$@"
`;
