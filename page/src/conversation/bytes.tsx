import { ScrollBox } from './scroll-box.tsx';

/** Longer payloads are cut off here; the size shows the rest. */
const shownBytes = 2048;

/** Shows a payload byte by byte, in hexadecimal. */
export function Bytes({ bytes }: { bytes: Uint8Array }) {
  const hex = Array.from(bytes.subarray(0, shownBytes), (byte) => byte.toString(16).padStart(2, '0'));
  const hidden = bytes.length - hex.length;
  return (
    <ScrollBox name="bytes" label={`${bytes.length} bytes in hexadecimal`}>
      <code>
        {hex.join(' ')}
        {hidden > 0 && ` … and ${hidden.toLocaleString('en')} more`}
      </code>
    </ScrollBox>
  );
}
