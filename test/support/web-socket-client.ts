/** JSON-RPC over a WebSocket. */
import { WebSocket } from "ws";
import { MessageSorter, type NotifiedClient } from "./line-client.ts";

export async function openWebSocketClient(
  url: string,
  headers: Record<string, string> = {},
): Promise<NotifiedClient & { socket: WebSocket }> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), { headers });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
  });
  const sorter = new MessageSorter((text) => socket.send(text));
  socket.on("message", (data) => sorter.receive(String(data)));
  return {
    socket,
    call: (method, params) => sorter.call(method, params),
    take: (count) => sorter.take(count),
    close: () => socket.terminate(),
  };
}
