import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tracesUrl } from '../../../src/config/values.ts';

test('traces go below the collector’s address, or to their own setting', () => {
  assert.equal(tracesUrl('http://collector:4318', undefined), 'http://collector:4318/v1/traces');
  assert.equal(tracesUrl('http://collector:4318/', undefined), 'http://collector:4318/v1/traces');
  assert.equal(tracesUrl('http://collector:4318', 'http://other/x'), 'http://other/x');
  assert.equal(tracesUrl(undefined, undefined), undefined);
});
