#!/bin/sh
# The stable entry to Ivy: runs the active version, and goes back to the previous one when a new one does not get well.
root=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
export IVY_ROOT="${IVY_ROOT:-$root}"
counter=$root/data/probation
usable() { case $1 in '' | .* | */*) false ;; *) [ -f "$root/$1/ivy" ] && [ -s "$root/$1/ivy" ] && [ -x "$root/$1/ivy" ] ;; esac; }
durable() { sync "$1" 2>/dev/null || sync; }
is_ours() { case $(readlink "/proc/$1/exe") in "$root"/*) ;; *) false ;; esac; }
write_counter() {
  { echo "$new $old $1 $limit $boots" >"$counter.tmp"; } 2>/dev/null &&
    durable "$counter.tmp" && mv -f "$counter.tmp" "$counter" && durable "$root/data"
}
go_back() {
  usable "$old" && rm -rf "$root/current.tmp" && ln -s "$old" "$root/current.tmp" || return 0
  mv -fT "$root/current.tmp" "$root/current" && durable "$root" || return 0
  echo "ivy: back to $old, because $new $1" >&2
  write_counter back || :
}
end_if_it_hangs() { # as long as this start is the one that counts
  exec >/dev/null 2>&1 </dev/null
  for _ in $(seq 1 5 "$limit"); do sleep 5
    agent=$(cat "$root/data/run.lock")
    [ "$(cat "$counter")" = "$1" ] && { is_ours $$ || is_ours "$agent"; } || return 0
  done
  for pid in $$ "$agent"; do is_ours "$pid" && boots=$boots,hung && write_counter $((starts + 1)) && kill -9 "$pid"; done
}
new=$(readlink "$root/current") old=$(cat "$root/current/previous" 2>/dev/null) limit=0 boots=-
case ${1-} in run | start | restart)
  if [ ! -e "$counter" ]; then usable "$new" || go_back "is damaged"
  elif ! head -n 1 "$counter" | grep -Eqx '[^ ]+ [^ ]+ ([0-3]|back) [0-9]{1,6} [^ ]+'; then go_back "has lost its counter"
  elif read -r name of starts limit boots <"$counter" && [ "$name $starts" = "$new ${starts%back}" ] &&
    { [ "$1" = restart ] || ! is_ours "$(cat "$root/data/run.lock" 2>&1)"; }; then
    old=$of boots=$boots,$(cut -c1-8 /proc/sys/kernel/random/boot_id)
    if [ "$starts" = 3 ]; then go_back "did not get well in 3 starts"
    elif ! usable "$new" || ! timeout 60 "$root/$new/ivy" info 2>/dev/null | grep -Fq "$new"; then go_back "cannot be executed"
    elif ! write_counter $((starts + 1)); then go_back "cannot be counted: the disk takes nothing"
    else end_if_it_hangs "$(cat "$counter")" & fi
  fi; esac
usable "$(readlink "$root/current")" || echo "ivy: $root/current/ivy is missing, empty or not executable" >&2
exec "$root/current/ivy" "$@"
