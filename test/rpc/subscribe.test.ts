import { openLineClient } from "../support/line-client.ts";
import { describeSubscriptions } from "../support/subscription-suite.ts";
import { openWebSocketClient } from "../support/web-socket-client.ts";

describeSubscriptions("the Unix socket", ({ ipc }) => openLineClient(ipc));
describeSubscriptions("a WebSocket", ({ url }) => openWebSocketClient(url));
