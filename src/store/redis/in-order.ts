import type { ChainableCommander } from 'ioredis';

/**
 * Run commands one after the other on one server. Others may come between: what must be of one state begins and ends with the
 * version of the profile, which is another after each change.
 * @throws Error when one of them fails.
 */
export async function inOrder<Reply>(pipeline: ChainableCommander): Promise<Reply[]> {
  const replies = await pipeline.exec();
  return (replies ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply as Reply;
  });
}
