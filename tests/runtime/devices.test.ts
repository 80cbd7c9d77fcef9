// Runs in: tests.
import { assertEquals, assertRejects } from "@std/assert";
import { createDevices } from "../../src/runtime/devices.ts";

Deno.test("each request gets its own answer, in whatever order the answers come", async () => {
  const requests: { requestId: number; operation: string; path: string; text?: string }[] = [];
  const { devices, receive } = createDevices((request) => requests.push(request));
  const [temperature, names, written] = [
    devices.read("/sys/class/thermal/thermal_zone0/temp"),
    devices.list("/dev"),
    devices.write("/sys/class/leds/red/brightness", "1"),
  ];
  assertEquals(requests.map(({ operation, text }) => [operation, text]), [["read", undefined], [
    "list",
    undefined,
  ], ["write", "1"]]);
  const [first, second, third] = requests.map(({ requestId }) => requestId);
  receive({ type: "device_answer", requestId: third! });
  receive({ type: "device_answer", requestId: second!, names: ["a", "b"] });
  receive({ type: "device_answer", requestId: first!, text: "42000" });
  assertEquals([await temperature, await names, await written], ["42000", ["a", "b"], undefined]);
});

Deno.test("a refusal is an error with main's sentence; an answer that nobody waits for is nothing", async () => {
  const { devices, receive } = createDevices(({ requestId }) => {
    queueMicrotask(() =>
      receive({ type: "device_answer", requestId, error: "cannot read /dev/x: it is not granted" })
    );
  });
  await assertRejects(() => devices.read("/dev/x"), Error, "cannot read /dev/x: it is not granted");
  receive({ type: "device_answer", requestId: 99 });
});
