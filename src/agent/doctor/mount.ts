// Runs in: main thread.

/** The file system that a folder lies on, as the kernel tells it. */
export interface Mount {
  point: string;
  /** Such as `ext4` or `vfat`. */
  type: string;
  isReadOnly: boolean;
  /** The kernel's number of the device, such as `179:2`. */
  device: string;
}

/**
 * The mount that a folder lies on.
 *
 * @param mountinfo `/proc/self/mountinfo`, see proc(5).
 * @returns undefined when the list names none.
 */
export function mountOf(folder: string, mountinfo: string): Mount | undefined {
  const mounts = mountinfo.split("\n").filter((line) => line !== "").map(parseLine);
  const holding = mounts.filter(({ point }) =>
    point === "/" || folder === point || folder.startsWith(`${point}/`)
  );
  const longest = Math.max(...holding.map(({ point }) => point.length));
  return holding.findLast(({ point }) => point.length === longest); // a later one hides an earlier one
}

function parseLine(line: string): Mount {
  const [front, back] = line.split(" - ");
  const [, , device, , point, options] = front!.split(" ");
  return {
    device: device!,
    point: point!.replaceAll(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8))),
    isReadOnly: options!.split(",").includes("ro"),
    type: back!.split(" ")[0]!,
  };
}
