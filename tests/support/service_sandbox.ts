// Runs in: tests.
import { join } from "@std/path";
import { filterOf } from "./seccomp.ts";
import type { Program } from "./program.ts";

/** Sees the folder's own `/etc`, and a `/run` that looks as if systemd had booted this machine. */
const ENTER = `set -e
mount --bind "$FOLDER/etc" /etc && mount --bind "$FOLDER/local" /usr/local
mount -t tmpfs -o mode=755 tmpfs /run && mkdir -p /run/systemd/system
export PATH="$FOLDER/bin:/usr/sbin:/usr/bin:/sbin:/bin" LC_ALL=C.UTF-8
`;

/** What the unit asks systemd for, as far as namespaces go: everything read-only but the root, no homes, few devices. */
const HARDEN = `
for place in $(findmnt --raw --noheadings --output TARGET); do
  case $place in /proc* | /sys* | /dev* | /run*) ;; *) mount -o remount,bind,ro "$place" ;; esac
done
mount --bind "$FOLDER/node" "$FOLDER/node" && mount -o remount,bind,rw "$FOLDER/node"
mount -t tmpfs -o mode=1777 tmpfs /tmp
for home in /home /root; do mount -t tmpfs -o mode=000,ro tmpfs "$home"; done
mount -t proc -o hidepid=2 proc /proc
mount -t tmpfs -o mode=755 tmpfs /dev
mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/zero c 1 5; mknod -m 666 /dev/random c 1 8; mknod -m 666 /dev/urandom c 1 9
`;

/** Gives all rights away for good, then takes the filter of system calls and becomes the program. */
const CONFINE = `cd /
exec setpriv --reuid ivy --regid ivy --init-groups --bounding-set=-all --inh-caps=-all --ambient-caps=-all \\
  --no-new-privs perl -e '
    my $path = shift; open(my $file, "<", $path) or die $!; binmode $file; local $/; my $filter = <$file>;
    my $program = pack("S x6 P", length($filter) / 8, $filter);
    my $prctl = { x86_64 => 157, aarch64 => 167 }->{shift()};
    syscall($prctl, 22, 2, $program) == 0 or die "no filter: $!"; exec @ARGV or die $!' \\
  "$FOLDER/filter" "$ARCH" "$@"
`;

/** Stands in for systemctl: notes what it was told, and knows what was enabled and started. */
const SYSTEMCTL = `#!/bin/sh
state=\${0%/*}/../state-
case $1 in
  is-active) [ -e "\${state}active" ]; exit ;;
  is-enabled) [ -e "\${state}enabled" ]; exit ;;
  enable) : >"\${state}enabled" ;;
  start | restart) : >"\${state}active" ;;
  disable) rm -f "\${state}enabled" "\${state}active" ;;
esac
echo "$*" >>"\${state}told"
`;

/**
 * A machine to install a service on: this one, but what is installed stays in a folder. The real useradd, chown and
 * crontab work there. Needs root.
 */
export class ServiceSandbox implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "ivy-service-", dir: "/var/tmp" });
  readonly root = join(this.folder, "node");
  readonly unitFile = join(this.folder, "etc/systemd/system/ivy.service");
  readonly binary = join(this.folder, "ivy");

  static async open(binary: string): Promise<ServiceSandbox> {
    const sandbox = new ServiceSandbox();
    const { folder } = sandbox;
    Deno.chmodSync(folder, 0o755);
    for (const name of ["bin", "local"]) Deno.mkdirSync(join(folder, name));
    Deno.writeTextFileSync(join(folder, "bin/systemctl"), SYSTEMCTL, { mode: 0o755 });
    await new Deno.Command("cp", { args: ["-a", "/etc", folder] }).output();
    Deno.mkdirSync(join(folder, "etc/systemd/system"), { recursive: true });
    await Deno.copyFile(binary, sandbox.binary);
    return sandbox;
  }

  /** What systemctl was told to do. */
  get told(): string[] {
    return Deno.readTextFileSync(join(this.folder, "state-told")).trim().split("\n");
  }

  /** The words that run a program as root on that machine. */
  inside = (...command: string[]): Program => this.#enter(`${ENTER}exec "$@"`, command);

  /** The words that run a program as the unit says, as far as that can be had without systemd. */
  async confined(...command: string[]): Promise<Program> {
    const unit = Deno.readTextFileSync(this.unitFile);
    Deno.writeFileSync(join(this.folder, "filter"), await filterOf(unit));
    return this.#enter(ENTER + HARDEN + CONFINE, command);
  }

  #enter(script: string, command: string[]): Program {
    const environment = [`FOLDER=${this.folder}`, `ARCH=${Deno.build.arch}`];
    return ["unshare", "--mount", "env", ...environment, "sh", "-c", script, "sh", ...command];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** True where such a machine can be had. */
export function canSandboxServices(): boolean {
  if (Deno.uid() !== 0) return false;
  try {
    return new Deno.Command("unshare", { args: ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"] })
      .outputSync()
      .success;
  } catch {
    return false;
  }
}
