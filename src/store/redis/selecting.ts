import { Redis, type RedisOptions } from 'ioredis';

/**
 * Connect to the database that `options` name, or to none: ioredis would report a refused SELECT, and go on in database 0.
 * The connection that is refused is ended before it takes a command, and the next one asks again.
 */
export function openSelecting(options: RedisOptions): Redis {
  const client = new Redis(options);
  const select = client.select.bind(client);
  client.select = async (database) => {
    try {
      return await select(database);
    } catch (error) {
      // Who has not logged in is refused everything, and ioredis ends the connection itself.
      if (!isRefusal(error) || error.message.startsWith('NOAUTH')) throw error;
      client.emit('error', error);
      client.disconnect(true);
      return new Promise<never>(() => undefined); // a handshake that lacks an answer makes no connection ready
    }
  };
  return client;
}

function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}
