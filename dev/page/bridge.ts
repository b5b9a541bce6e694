import type { Server } from 'node:http';
import { connect } from 'node:net';
import { pipeline } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { isOwnPage } from './origin.ts';

/**
 * Forwards MQTT over WebSocket on `/mqtt` to the broker's own port.
 *
 * A websockets listener of Mosquitto 2.0 would let every web site that a developer visits talk to the broker: it does
 * not check the Origin, and Debian's binds all interfaces. So this bridge accepts only the page itself.
 * @returns ends all connections.
 */
export function bridgeToBroker(server: Server, brokerUrl: string): () => void {
  const { hostname, port } = new URL(brokerUrl);
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'mqtt' });
  server.on('upgrade', (request, socket, head) => {
    if (request.url !== '/mqtt' || !isOwnPage(request)) {
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const stream = createWebSocketStream(webSocket);
      const broker = connect({ host: hostname, port: Number(port || 1883), noDelay: true });
      // Either side may close at any time; the other then closes too, and the page connects again.
      pipeline(stream, broker, stream, () => undefined);
    });
  });
  return () => {
    for (const webSocket of sockets.clients) webSocket.terminate();
  };
}
