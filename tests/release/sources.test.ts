// Runs in: tests.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ReleaseSource } from "../../src/shared/protocol.ts";
import { BINARY, BLOCK, refusal, ReleaseLab } from "../support/release_lab.ts";
import { seededBytes } from "../support/seeded_bytes.ts";

Deno.test("the token is shown to its own host only", async () => {
  const bytes = seededBytes(2 * BLOCK);
  await using storage = await ReleaseLab.open(bytes);
  await using lab = await ReleaseLab.open(bytes, {
    answer: (_request, path) =>
      path.endsWith(".gz") ? Response.redirect(`${storage.server.url}/${path}`) : undefined,
  });
  Deno.copyFileSync(lab.path(`4.5.6/${BINARY}.gz`), storage.path(`4.5.6/${BINARY}.gz`));
  await lab.fetch({ token: "very-secret" });
  assertEquals(
    new Set(lab.server.served.map(({ headers }) => headers["authorization"])),
    new Set(["Bearer very-secret"]),
  );
  assertEquals(storage.server.served.map(({ headers }) => headers["authorization"]), [undefined]);
});

const SOURCES: [name: string, source: (url: string) => ReleaseSource, token: string | null, paths: RegExp][] =
  [
    [
      "GitHub",
      (host) => ({ kind: "github", host, repository: "lab/ivy" }),
      null,
      /^lab\/ivy\/releases\/download\/v4\.5\.6\/(.*)$/,
    ],
    [
      "GitLab",
      (host) => ({ kind: "gitlab", host, repository: "lab/ivy" }),
      "t",
      /^api\/v4\/projects\/lab\/ivy\/packages\/generic\/ivy\/4\.5\.6\/(.*)$/,
    ],
  ];

for (const [name, source, token, pattern] of SOURCES) {
  Deno.test(`releases on ${name}`, async () => {
    const bytes = seededBytes(3 * BLOCK);
    await using lab = await ReleaseLab.open(bytes, {
      answer: (_request, path) => {
        const file = pattern.exec(path)?.[1];
        return file === undefined ? undefined : new Response(Deno.readFileSync(lab.path(`4.5.6/${file}`)));
      },
    });
    await lab.fetch({ source: source(lab.server.url), token });
    lab.assertFetched(bytes);
    assertEquals(
      lab.server.served.every(({ headers }) => headers["private-token"] === (token ?? undefined)),
      true,
    );
  });
}

Deno.test("a private repository on GitHub: files by the list of the release", async () => {
  const bytes = seededBytes(3 * BLOCK);
  await using lab = await ReleaseLab.open(bytes, {
    answer: (_request, path) => {
      if (path === "api/v3/repos/lab/ivy/releases/tags/v4.5.6") {
        const names = [...Deno.readDirSync(lab.path("4.5.6"))].map(({ name }) => name);
        return Response.json({
          assets: names.map((name) => ({ name, url: `${lab.server.url}/asset/${name}` })),
        });
      }
      const [, name] = /^asset\/(.*)$/.exec(path) ?? [];
      return name === undefined ? undefined : new Response(Deno.readFileSync(lab.path(`4.5.6/${name}`)));
    },
  });
  await lab.fetch({ source: { kind: "github", host: lab.server.url, repository: "lab/ivy" }, token: "t" });
  lab.assertFetched(bytes);
  assert(lab.server.served.every(({ headers }) => headers["authorization"] === "Bearer t"));
});

/** Answers as GitHub does for a public repository: two redirects to a host that only stores files. */
function publicGitHub(lab: () => ReleaseLab, storage: ReleaseLab) {
  return (_request: Request, path: string) => {
    const latest = /^lab\/ivy\/releases\/latest\/download\/(.*)$/.exec(path)?.[1];
    if (latest !== undefined) {
      return Response.redirect(`${lab().server.url}/lab/ivy/releases/download/v4.5.6/${latest}`, 302);
    }
    const tagged = /^lab\/ivy\/releases\/download\/v4\.5\.6\/(.*)$/.exec(path)?.[1];
    if (tagged === undefined) return new Response("Not Found", { status: 404 });
    return Response.redirect(`${storage.server.url}/4.5.6/${tagged}?sp=r&sig=secret`, 302);
  };
}

Deno.test("the newest release on GitHub: of a public repository by its redirects", async () => {
  const bytes = seededBytes(3 * BLOCK);
  await using storage = await ReleaseLab.open(bytes);
  const lab: ReleaseLab = await ReleaseLab.open(bytes, { answer: publicGitHub(() => lab, storage) });
  await using _lab = lab;
  const source: ReleaseSource = { kind: "github", host: lab.server.url, repository: "lab/ivy" };
  const { release } = await lab.fetch({ source, version: null, trust: storage.order().trust });
  assertEquals(release.version, "4.5.6");
  lab.assertFetched(bytes);
  assert(lab.server.served.every(({ path }) => path.startsWith("lab/ivy/releases/")));
});

Deno.test("the newest release on GitHub: of a private repository by the API's list of files", async () => {
  const bytes = seededBytes(3 * BLOCK);
  await using storage = await ReleaseLab.open(bytes);
  const lab: ReleaseLab = await ReleaseLab.open(bytes, {
    answer: (request, path) => {
      if (request.headers.get("authorization") !== "Bearer t") return new Response(null, { status: 404 });
      if (path === "api/v3/repos/lab/ivy/releases/latest") {
        const names = [...Deno.readDirSync(lab.path("4.5.6"))].map(({ name }) => name);
        const url = `${lab.server.url}/api/v3/repos/lab/ivy/releases/assets`;
        return Response.json({
          tag_name: "v4.5.6",
          draft: false,
          assets: names.map((name, id) => ({ id, name, url: `${url}/${name}`, state: "uploaded" })),
        });
      }
      const [, name] = /^api\/v3\/repos\/lab\/ivy\/releases\/assets\/(.*)$/.exec(path) ?? [];
      const isFile = request.headers.get("accept") === "application/octet-stream";
      if (name === undefined) return new Response(null, { status: 404 });
      if (!isFile) return Response.json({ name }); // about the file instead of the file
      return Response.redirect(`${storage.server.url}/4.5.6/${name}`, 302);
    },
  });
  await using _lab = lab;
  const source: ReleaseSource = { kind: "github", host: lab.server.url, repository: "lab/ivy" };
  await lab.fetch({ source, version: null, token: "t", trust: storage.order().trust });
  lab.assertFetched(bytes);
  assertEquals(storage.server.served.some(({ headers }) => "authorization" in headers), false);
});

Deno.test("the newest release on GitLab: the name of its tag, and the package of that version", async () => {
  const bytes = seededBytes(3 * BLOCK);
  const project = "api/v4/projects/my-group/lab/ivy";
  const lab: ReleaseLab = await ReleaseLab.open(bytes, {
    answer: (request, path) => {
      if (request.headers.get("private-token") !== "t") {
        return Response.json({ message: "404" }, { status: 404 });
      }
      if (path === `${project}/releases/permalink/latest`) {
        const encoded = encodeURIComponent("my-group/lab/ivy");
        assertStringIncludes(request.url, `/projects/${encoded}/`);
        return Response.redirect(`${lab.server.url}/api/v4/projects/${encoded}/releases/v4.5.6`, 302);
      }
      if (path === `${project}/releases/v4.5.6`) {
        return Response.json({ tag_name: "v4.5.6", name: "Spring", assets: { links: [] } });
      }
      const [, name] = new RegExp(`^${project}/packages/generic/ivy/4\\.5\\.6/(.*)$`).exec(path) ?? [];
      return name === undefined
        ? Response.json({ message: "404 Not found" }, { status: 404 })
        : new Response(Deno.readFileSync(lab.path(`4.5.6/${name}`)));
    },
  });
  await using _lab = lab;
  const source: ReleaseSource = { kind: "gitlab", host: lab.server.url, repository: "my-group/lab/ivy" };
  const { release } = await lab.fetch({ source, version: null, token: "t" });
  assertEquals(release.version, "4.5.6");
  lab.assertFetched(bytes);
  assertStringIncludes((await refusal(lab, { source, version: null, token: "wrong" })).message, "status 404");
});

Deno.test("a newest release on GitLab that bears no version is refused", async () => {
  await using lab = await ReleaseLab.open(seededBytes(BLOCK), {
    answer: () => Response.json({ tag_name: "spring" }),
  });
  const source: ReleaseSource = { kind: "gitlab", host: lab.server.url, repository: "lab/ivy" };
  const error = await refusal(lab, { source, version: null });
  assertStringIncludes(
    error.message,
    'the newest release is called "spring", which is no version such as v1.2.3',
  );
});
