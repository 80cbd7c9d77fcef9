// Runs in: main thread.
import { join } from "@std/path";

/** The name under which systemd knows a node. */
export const UNIT = "ivy.service";

/** The first line of a unit that {@link unitText} has made. */
export const UNIT_MARK =
  "# Written by: ivy install. Changes of your own belong beside it: sudo systemctl edit ivy";

export interface UnitFacts {
  /** The node's folder: all that the service may write to. */
  root: string;
  /** Whose rights the service has. */
  user: string;
  /** Where links in the node's folder lead; the service may write there as well. Default: nowhere else. */
  linked?: string[];
}

/**
 * The systemd unit of a node. There is no `MemoryDenyWriteExecute`, because JavaScript is compiled while it runs. Landlock
 * is what Ivy locks its own threads with. A node measures without a network, so the unit does not wait for one.
 */
export function unitText({ root, user, linked = [] }: UnitFacts): string {
  const folders = [root, ...linked].map(quote).join(" ");
  return `${UNIT_MARK}
[Unit]
Description=Ivy, measures in ${root.replaceAll("%", "%%")}
After=network.target time-sync.target
RequiresMountsFor=${folders}
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart=${quote(join(root, "ivy"))} run
Environment=DENO_TLS_CA_STORE=system
User=${user}
Restart=always
RestartSec=5
WatchdogSec=60
WatchdogSignal=SIGKILL
TimeoutStartSec=300
TimeoutStopSec=120

# As root, call only /usr/local/bin/ivy: what lies in the node's folder is its user's.
#
# What hardware needs goes into: sudo systemctl edit ivy
#   [Service]
#   SupplementaryGroups=dialout gpio i2c spi video
#   DeviceAllow=char-ttyUSB rw
#   DeviceAllow=char-ttyAMA rw
#   DeviceAllow=char-gpiochip rw
#   DeviceAllow=char-i2c rw
#   DeviceAllow=char-spidev rw
#   DeviceAllow=/dev/vcio rw
# ProtectKernelTunables=no lets it write below /sys (PWM, the old GPIO). AF_CAN, AF_BLUETOOTH or AF_PACKET belong into
# RestrictAddressFamilies=. A server's wish to reboot the machine needs a rule of polkit for the user.

ProtectSystem=strict
ReadWritePaths=${folders}
ProtectHome=${
    [root, ...linked].some((path) => /^\/(home|root|run\/user)(\/|$)/.test(path)) ? "read-only" : "yes"
  }
PrivateTmp=yes
DevicePolicy=closed
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
UMask=0027
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`;
}

/** What a unit was made for; undefined when this is none of ours. */
export function readUnit(text: string): UnitFacts | undefined {
  if (!text.startsWith(UNIT_MARK)) return undefined;
  const words = /^ReadWritePaths=(".*")$/m.exec(text)?.[1]?.matchAll(/"([^"]*)"/g) ?? [];
  const [folder, ...linked] = [...words].map(([, word]) => word!.replaceAll("%%", "%"));
  const user = /^User=(.*)$/m.exec(text)?.[1];
  if (folder === undefined || user === undefined) return undefined;
  return { root: folder, user, ...(linked.length === 0 ? {} : { linked }) };
}

/** False for a path that systemd takes for no program's: with quotes, backslashes or control characters. */
export function canBeService(root: string): boolean {
  // deno-lint-ignore no-control-regex -- these are what is looked for
  return !/["'\\\x00-\x1f\x7f]/.test(root);
}

/** A path as systemd.syntax(7) wants it where it may have blanks or percent signs. */
function quote(path: string): string {
  return `"${path.replaceAll("%", "%%")}"`;
}
