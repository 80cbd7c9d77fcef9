// Runs in: tests.
import { assertEquals, assertThrows } from "@std/assert";
import { connectNotifier, socketAddress } from "../../../src/agent/service/notifier.ts";
import { needs } from "../../support/needs.ts";
import { NotifySocket } from "../../support/notify_socket.ts";

Deno.test("an address is a path that ends with NUL, or an abstract name that starts with it", () => {
  const text = (address: string) => new TextDecoder().decode(socketAddress(address).subarray(2));
  assertEquals(text("/run/notify"), "/run/notify\0");
  assertEquals(text("@notify"), "\0notify");
  assertEquals([...socketAddress("@n").subarray(0, 2)], [1, 0]);
  for (const wrong of ["vsock:2:1234", "notify", `/${"x".repeat(107)}`]) {
    assertThrows(() => socketAddress(wrong), Error, "$NOTIFY_SOCKET is");
  }
});

Deno.test("without a manager there is nobody to tell", () => {
  assertEquals(connectNotifier({}), undefined);
  assertEquals(connectNotifier({ NOTIFY_SOCKET: "" }), undefined);
});

for (const isAbstract of [false, true]) {
  Deno.test({
    name: `a ${isAbstract ? "socket of the abstract namespace" : "socket with a path"} is told`,
    ignore: needs("socat") !== undefined,
    async fn() {
      await using socket = await NotifySocket.open({ isAbstract });
      const notifier = connectNotifier({ NOTIFY_SOCKET: socket.address, WATCHDOG_USEC: "3000000" })!;
      assertEquals(notifier.watchdogMs, 3000);
      assertEquals(notifier.send("READY=1", "STATUS=Grün"), true);
      notifier.send("WATCHDOG=1");
      await socket.told.until(/^READY=1\nSTATUS=Grün\nWATCHDOG=1\n$/);
    },
  });
}

Deno.test("a manager that has gone is no error, and another process's watchdog is not ours", () => {
  const environment = { NOTIFY_SOCKET: "/nowhere/notify", WATCHDOG_USEC: "1000000", WATCHDOG_PID: "1" };
  const notifier = connectNotifier(environment, 2)!;
  assertEquals(notifier.send("READY=1"), false);
  assertEquals(notifier.watchdogMs, undefined);
  assertEquals(connectNotifier(environment, 1)!.watchdogMs, 1000);
});

Deno.test("no program or worker that is started later can speak in the agent's name", () => {
  const names = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];
  for (const name of names) Deno.env.set(name, "1");
  connectNotifier({ NOTIFY_SOCKET: "/nowhere/notify" });
  assertEquals(names.filter((name) => Deno.env.has(name)), []);
});
