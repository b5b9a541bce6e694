import type { BrokerConnection, Publication } from '../mqtt/connection.ts';

/** A broker connection that does what another one does. */
export class ForwardedConnection implements BrokerConnection {
  protected readonly inner: BrokerConnection;

  constructor(inner: BrokerConnection) {
    this.inner = inner;
  }

  get address(): string {
    return this.inner.address;
  }

  get session(): string {
    return this.inner.session;
  }

  get state(): BrokerConnection['state'] {
    return this.inner.state;
  }

  get inFlight(): number {
    return this.inner.inFlight;
  }

  get unacked(): BrokerConnection['unacked'] {
    return this.inner.unacked;
  }

  publish(publication: Publication): Promise<void> {
    return this.inner.publish(publication);
  }

  onState(listener: Parameters<BrokerConnection['onState']>[0]): void {
    this.inner.onState(listener);
  }

  leave(): Promise<void> {
    return this.inner.leave();
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
