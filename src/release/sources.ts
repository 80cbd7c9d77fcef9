// Runs in: release worker.
import type { ReleaseSource } from "../shared/protocol.ts";
import { ReleaseError } from "./errors.ts";
import type { Remote } from "./http.ts";
import { type Count, type Pace, receiveSmall } from "./incoming.ts";

/** The list of a release's files, as GitHub tells it. */
interface GitHubRelease {
  assets?: { name: string; url: string }[];
}

const MAX_LIST_BYTES = 1_048_576;

/** Finds a release's files by their names. */
export type Locate = (name: string) => Promise<Remote>;

/**
 * Where the files of one version are.
 *
 * @param version null = the newest.
 */
export function locator(
  source: ReleaseSource & { kind: "http" | "github" | "gitlab" },
  version: string | null,
  { token, pace, count }: { token: string | null; pace: Pace; count: Count },
): Locate {
  switch (source.kind) {
    case "http":
      return plain(`${source.baseUrl.replace(/\/+$/, "")}/${version ?? "latest"}`, bearer(token));
    case "gitlab": {
      const project = `${base(source.host)}/api/v4/projects/${encodeURIComponent(source.repository)}`;
      const credentials: Record<string, string> = token === null ? {} : { "private-token": token };
      return plain(
        version === null
          ? `${project}/releases/permalink/latest/downloads`
          : `${project}/packages/generic/ivy/${version}`,
        credentials,
      );
    }
    case "github": {
      const { host, repository } = source;
      if (token !== null) return assets(host, repository, version, { token, pace, count });
      const place = version === null ? "latest/download" : `download/v${version}`;
      return plain(`${base(host)}/${repository}/releases/${place}`, {});
    }
    default:
      return source satisfies never;
  }
}

/** Files of a private repository have names only in its list of files. */
function assets(
  host: string,
  repository: string,
  version: string | null,
  { token, pace, count }: { token: string; pace: Pace; count: Count },
): Locate {
  const api = host === "github.com" ? "https://api.github.com" : `${base(host)}/api/v3`;
  const which = version === null ? "latest" : `tags/v${version}`;
  const credentials = bearer(token);
  const remote = {
    url: `${api}/repos/${repository}/releases/${which}`,
    headers: { accept: "application/json" },
    credentials,
  };
  let list: Promise<GitHubRelease> | undefined;
  return async (name) => {
    list ??= receiveSmall({ remote, pace, count }, MAX_LIST_BYTES).then((bytes) =>
      JSON.parse(new TextDecoder().decode(bytes))
    );
    const found = (await list).assets?.find((asset) => asset.name === name);
    if (found === undefined) throw new ReleaseError(`${remote.url} lists no ${name}`, { mayMend: true });
    if (new URL(found.url).origin !== new URL(api).origin) {
      throw new ReleaseError(`${remote.url} points to another host`, { mayMend: false });
    }
    return { url: found.url, headers: { accept: "application/octet-stream" }, credentials };
  };
}

function plain(folder: string, credentials: Record<string, string>): Locate {
  return (name) => Promise.resolve({ url: `${folder}/${name}`, headers: {}, credentials });
}

function bearer(token: string | null): Record<string, string> {
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

/** A host may be given with its scheme. */
function base(host: string): string {
  return /^https?:\/\//.test(host) ? host.replace(/\/+$/, "") : `https://${host}`;
}
