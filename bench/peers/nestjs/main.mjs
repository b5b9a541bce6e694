// A NestJS microservice as its documentation shows it, with a guard and a pipe, and tuned. It takes payloads as bytes
// from the packet instead of trying JSON, reads session and profile together in a write shared with others, sends
// answers by the transport's own connection, and logs nothing. It uses the worker's codec, and implements only `get`.
import 'reflect-metadata';
import { Controller, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, ServerMqtt } from '@nestjs/microservices';
import { Redis } from 'ioredis';
import { atom, decode, encode, isAtom, Tuple } from '../../../dist/etf/index.js';

const CLIENT_LEVEL = 5;

const redis = new Redis(process.env.REDIS_URL ?? '', { enableAutoPipelining: true });

class BytesServer extends ServerMqtt {
  parseMessage(content) {
    return content;
  }

  /** There is one handler; the transport's own search finds none for a topic with empty levels. */
  getHandlerByPattern() {
    const [handler] = this.messageHandlers.values();
    return handler;
  }
}

const server = new BytesServer({
  url: process.env.MQTT_URL ?? '',
  protocolVersion: 5,
  clientId: 'nestjs',
  reschedulePings: false,
  subscribeOptions: { qos: 1 },
  deserializer: { deserialize: (data, { channel }) => ({ pattern: channel, data }) },
});

/** Makes a request of the packet. */
class RequestPipe {
  transform(context) {
    const { elements } = decode(context.getPacket().payload);
    if (!isAtom(elements[0], 'Profile') || !isAtom(elements.at(-1), 'get')) throw new Error('invalid_data');
    return { client: context.getTopic().split('/')[CLIENT_LEVEL], context };
  }
}

/** Admits clients with a session, and keeps the profile that was read with it. */
class SessionGuard {
  async canActivate(execution) {
    const context = execution.switchToRpc().getContext();
    const phone = Buffer.from(decode(context.getPacket().payload).elements[1]).toString();
    const client = context.getTopic().split('/')[CLIENT_LEVEL];
    const [owner, profile] = await Promise.all([
      redis.hget(`session:${client}`, 'phone'),
      redis.getBuffer(`ready:{${phone}}`),
    ]);
    context.profile = profile;
    return owner === phone && profile !== null;
  }
}

class ProfileController {
  async get({ client, context }) {
    const { elements } = decode(context.profile);
    const answer = encode(new Tuple([...elements.slice(0, -1), atom('get')]));
    server.unwrap().publish(`actions/1/api/${client}`, answer, { qos: 1 });
  }
}

class AppModule {}

// The effect of `@Controller()` and the others where decorators are compiled.
const { prototype } = ProfileController;
const method = Object.getOwnPropertyDescriptor(prototype, 'get');
EventPattern('$share/profile/events/1/+/api/+/+/+')(prototype, 'get', method);
UseGuards(SessionGuard)(prototype, 'get', method);
Ctx(new RequestPipe())(prototype, 'get', 0);
Controller()(ProfileController);
Module({ controllers: [ProfileController] })(AppModule);

const app = await NestFactory.createMicroservice(AppModule, { strategy: server, logger: false });
await app.listen();
// Without it answers wait for delayed acknowledgements, 40 ms and more.
server.unwrap().stream.setNoDelay(true);
console.log('ready');

process.on('SIGTERM', () => process.exit(0));
