/** One term of each kind that is carried byte for byte, as fragments in hexadecimal. */

const node = '64000d6e6f6e6f6465406e6f686f7374';
const pid = `58${node}000000090000000100000000`;
const oldPid = `67${node}000000090000000102`;

export const foreignSamples: Readonly<Record<string, { readonly hex: string; readonly text: string }>> = {
  NEW_FLOAT_EXT: { hex: '463ff8000000000000', text: '1.5' },
  FLOAT_EXT: { hex: `63${Buffer.from('1.50000000000000000000e+00').toString('hex')}0000000000`, text: '1.5' },
  BIT_BINARY_EXT: { hex: '4d000000020501a0', text: '<<1,20:5>>' },
  'BIT_BINARY_EXT of whole bytes': { hex: '4d00000002086869', text: '<<"hi">>' },
  NEW_PID_EXT: { hex: pid, text: '<0.9.1>' },
  PID_EXT: { hex: oldPid, text: '<0.9.1>' },
  NEW_PORT_EXT: { hex: `59${node}0000000500000000`, text: '#Port<0.5>' },
  PORT_EXT: { hex: `66${node}0000000502`, text: '#Port<0.5>' },
  V4_PORT_EXT: { hex: `78${node}000000010000000500000000`, text: '#Port<0.4294967301>' },
  NEWER_REFERENCE_EXT: { hex: `5a0003${node}00000000000000010000000200000003`, text: '#Ref<0.3.2.1>' },
  NEW_REFERENCE_EXT: { hex: `720002${node}020000000100000002`, text: '#Ref<0.2.1>' },
  REFERENCE_EXT: { hex: `65${node}0000000702`, text: '#Ref<0.7>' },
  NEW_FUN_EXT: { hex: newFun(), text: '#Fun<m.4.1000>' },
  FUN_EXT: { hex: `7500000001${oldPid}6400016d610462000003e86101`, text: '#Fun<m.4.1000>' },
  EXPORT_EXT: { hex: '7173056c6973747377036d61706102', text: 'fun lists:map/2' },
  MAP_EXT: { hex: '740000000261016a6400016b6b00020102', text: '#{1 => [],k => [1,2]}' },
};

function newFun(): string {
  const body = `01${'ab'.repeat(16)}00000004000000016400016d610462000003e8${pid}6101`;
  return `70${(4 + body.length / 2).toString(16).padStart(8, '0')}${body}`;
}
