/** Traces: what a collector receives of a request, what its client gets back, and what the log contains. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { eventually, type Phone, startHarness } from '../../harness/harness.ts';
import {
  aws,
  credentialsIn,
  link,
  type MailHarness,
  startMailHarness,
  startStsHarness,
  success,
} from '../../harness/services-fixture.ts';
import { profile } from '../../harness/terms.ts';
import {
  type CollectedSpan,
  startTraceCollector,
  type TraceCollector,
} from '../../harness/trace-collector.ts';

const get = ({ number: phone }: Phone) => profile({ phone, status: 'get' });

/** A context as a client makes it. */
function context() {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` };
}

/** The `traceparent` of an answer, in its parts. */
function contextIn(properties: { userProperties?: object } | undefined) {
  const { traceparent, tracestate } = { ...properties?.userProperties } as Record<string, string>;
  const [, traceId = '', spanId = '', flags] = traceparent?.split('-') ?? [];
  return { traceparent, tracestate, traceId, spanId, flags };
}

const namesOf = (spans: readonly CollectedSpan[]) => spans.map(({ name }) => name).sort();

describe('with a trace collector', () => {
  let collector: TraceCollector;
  let own: MailHarness;
  const settings = () => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: '20',
    LOG_LEVEL: 'debug',
  });
  before(async () => {
    collector = await startTraceCollector();
    own = await startMailHarness({ settings: settings() });
  });
  after(async () => {
    await collector.stop(); // Runs first, because stopping the system checks for open handles.
    await own.stop();
  });

  test('a request is a span below the client’s, its calls to Redis below it, and the answer names it', async () => {
    const phone = await own.harness.phone();
    const sent = context();
    const userProperties = { traceparent: sent.traceparent, tracestate: 'shop=7' };
    const { properties } = await phone.exchange(get(phone), { properties: { userProperties } });
    const [request, ...calls] = await collector.trace(sent.traceId);
    assert.ok(request);
    assert.deepEqual(
      [request.name, request.parentSpanId, request.traceState],
      ['profile get', sent.spanId, 'shop=7'],
    );
    assert.equal(request.attributes['profile.request.result'], 'not_found');
    assert.equal(request.resource['service.name'], 'profile-worker');
    assert.equal(request.resource['service.instance.id'], 'profile-1');
    assert.deepEqual(namesOf(calls), ['redis read']);
    for (const call of calls) {
      assert.deepEqual([call.parentSpanId, call.kind], [request.spanId, 3]);
      assert.ok(BigInt(call.endTimeUnixNano) >= BigInt(call.startTimeUnixNano));
    }
    const answered = contextIn(properties);
    assert.deepEqual(
      [answered.traceId, answered.spanId, answered.flags, answered.tracestate],
      [sent.traceId, request.spanId, '01', 'shop=7'],
    );
  });

  test('the log lines of a request have its ids', async () => {
    const phone = await own.harness.phone();
    const { traceId, spanId } = contextIn((await phone.exchange(get(phone))).properties);
    await own.harness.idle();
    const line = own.harness.worker.log().find((one) => one.trace_id === traceId);
    assert.deepEqual([line?.msg, line?.span_id], ['request', spanId]);
  });

  test('a request without a context begins a new trace', async () => {
    const phone = await own.harness.phone();
    const { traceId } = contextIn((await phone.exchange(get(phone))).properties);
    const [request] = await collector.trace(traceId);
    assert.equal(request?.parentSpanId, undefined);
  });

  test('a client of MQTT 3.1.1 is answered as always, and its request is traced', async () => {
    const phone = await own.harness.phone({ mqtt: { protocolVersion: 4 } });
    const { properties } = await phone.exchange(get(phone));
    assert.equal(properties, undefined);
    const { length } = collector.spans;
    await phone.exchange(get(phone));
    await eventually('its span comes', () => collector.spans.slice(length).some(({ kind }) => kind === 5));
  });

  test('a mail is a child of its link request; a refused one is an error', async () => {
    const phone = await own.harness.phone();
    const sent = context();
    const withContext = { properties: { userProperties: { traceparent: sent.traceparent } } };
    assert.deepEqual(await phone.ask(link(phone, 'ann@example.org'), withContext), success('email_sent'));
    const [request, ...calls] = await collector.trace(sent.traceId);
    const mail = calls.find(({ name }) => name === 'mail');
    assert.deepEqual(
      [mail?.parentSpanId, mail?.attributes['profile.call.outcome'], mail?.status.code],
      [request?.spanId, 'accepted', 0],
    );
    assert.ok(namesOf(calls).includes('redis commit-profile'));
    await own.sink.stop();
    const other = await own.harness.phone();
    const again = context();
    await other.ask(link(other, 'bob@example.org'), {
      properties: { userProperties: { traceparent: again.traceparent } },
    });
    const refused = (await collector.trace(again.traceId)).find(({ name }) => name === 'mail');
    assert.deepEqual([refused?.attributes['profile.call.outcome'], refused?.status.code], ['refused', 2]);
  });

  test('a call to STS is a child of its aws request', async (t) => {
    const { harness, stop } = await startStsHarness({ settings: settings() });
    t.after(stop);
    const phone = await harness.phone();
    const sent = context();
    credentialsIn(
      await phone.ask(aws(phone), { properties: { userProperties: { traceparent: sent.traceparent } } }),
    );
    const [request, ...calls] = await collector.trace(sent.traceId);
    const sts = calls.find(({ name }) => name === 'STS AssumeRole');
    assert.deepEqual(
      [sts?.parentSpanId, sts?.attributes['profile.call.outcome']],
      [request?.spanId, 'issued'],
    );
  });

  test('no span names a phone, a client or an address', async () => {
    const phone = await own.harness.phone({ client: 'a-secret-client', number: '380991112233' });
    const { traceId } = contextIn((await phone.exchange(link(phone, 'secret@example.org'))).properties);
    await collector.trace(traceId);
    assert.doesNotMatch(collector.text(), /380991112233|secret/);
  });

  test('an unsampled request leaves no span, and its answer shows that; one that its client samples does', async (t) => {
    const harness = await startHarness({
      settings: { ...settings(), OTEL_TRACES_SAMPLER: 'parentbased_always_off' },
    });
    t.after(() => harness.stop());
    const phone = await harness.phone();
    const unsampled = contextIn((await phone.exchange(get(phone))).properties);
    assert.equal(unsampled.flags, '00');
    const sent = context();
    const userProperties = { traceparent: sent.traceparent };
    await phone.exchange(get(phone), { properties: { userProperties } });
    assert.deepEqual(namesOf(await collector.trace(sent.traceId)), ['profile get', 'redis read']);
    assert.ok(collector.spans.every(({ traceId }) => traceId !== unsampled.traceId));
  });

  test('a stopped worker sends its remaining spans', async () => {
    const harness = await startHarness({
      settings: { ...settings(), OTEL_BSP_SCHEDULE_DELAY: '600000' },
    });
    const phone = await harness.phone();
    const { traceId } = contextIn((await phone.exchange(get(phone))).properties);
    await harness.stop();
    await collector.trace(traceId);
  });
});

test('an absent collector delays nothing, and is logged once', async (t) => {
  const harness = await startHarness({
    settings: {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:9/v1/traces',
      OTEL_BSP_SCHEDULE_DELAY: '20',
    },
  });
  t.after(() => harness.stop());
  const phone = await harness.phone();
  const warnings = () => harness.worker.log().filter(({ msg }) => msg === 'traces could not be sent');
  await eventually('it is logged', async () => {
    await phone.exchange(get(phone));
    return warnings().length > 0;
  });
  for (let count = 0; count < 5; count++) await phone.exchange(get(phone));
  assert.equal(warnings().length, 1);
});

describe('without a trace collector', () => {
  test('the context that a client sent is passed on to its answer; an invalid or missing one is not', async (t) => {
    const harness = await startHarness();
    t.after(() => harness.stop());
    const phone = await harness.phone();
    const { traceparent } = context();
    const answered = async (userProperties: Record<string, string | string[]>) =>
      (await phone.exchange(get(phone), { properties: { userProperties } })).properties?.userProperties;
    assert.deepEqual(
      { ...(await answered({ traceparent, tracestate: 'shop=7', other: 'x' })) },
      { traceparent, tracestate: 'shop=7' },
    );
    assert.deepEqual({ ...(await answered({ traceparent })) }, { traceparent });
    assert.equal(await answered({ traceparent: 'junk' }), undefined);
    assert.equal(await answered({ traceparent: [traceparent, traceparent] }), undefined);
    assert.equal((await phone.exchange(get(phone))).properties?.userProperties, undefined);
    await harness.idle();
    assert.ok(harness.worker.log().every((line) => !('trace_id' in line)));
  });
});
