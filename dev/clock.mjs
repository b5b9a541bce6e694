/** Loaded into a worker before its own program: its clock is off by `DEV_CLOCK_OFFSET_MS`. */
const offset = Number(process.env.DEV_CLOCK_OFFSET_MS ?? 0);
const RealDate = Date;

class OffDate extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + offset);
    else super(...parts);
  }

  static now() {
    return RealDate.now() + offset;
  }
}

globalThis.Date = OffDate;
