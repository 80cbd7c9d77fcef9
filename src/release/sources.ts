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
      const folder = `${project}/packages/generic/ivy`;
      if (version !== null) return plain(`${folder}/${version}`, credentials);
      const remote = { url: `${project}/releases/permalink/latest`, headers: {}, credentials };
      let newest: Promise<string> | undefined;
      return async (name) => {
        newest ??= receiveJson<{ tag_name?: unknown }>({ remote, pace, count }).then(versionOfTag);
        return { url: `${folder}/${await newest}/${name}`, headers: {}, credentials };
      };
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
    list ??= receiveJson({ remote, pace, count });
    const found = (await list).assets?.find((asset) => asset.name === name);
    if (found === undefined) throw new ReleaseError(`${remote.url} lists no ${name}`, { mayMend: true });
    if (new URL(found.url).origin !== new URL(api).origin) {
      throw new ReleaseError(`${remote.url} points to another host`, { mayMend: false });
    }
    return { url: found.url, headers: { accept: "application/octet-stream" }, credentials };
  };
}

/** @throws {ReleaseError} */
async function receiveJson<T>(options: { remote: Remote; pace: Pace; count: Count }): Promise<T> {
  const bytes = await receiveSmall(options, MAX_LIST_BYTES);
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch (cause) {
    throw new ReleaseError(`${options.remote.url} answers with something else than JSON`, {
      mayMend: true,
      cause,
    });
  }
}

function versionOfTag({ tag_name: tag }: { tag_name?: unknown }): string {
  const [, version] = /^v?(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)$/.exec(String(tag)) ?? [];
  if (version !== undefined) return version;
  throw new ReleaseError(
    `the newest release is called ${JSON.stringify(tag)}, which is no version such as v1.2.3`,
    { mayMend: false },
  );
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
