/** The package has no types for this file. */
declare module 'mqtt-packet/constants.js' {
  const constants: {
    /** The reason codes that its parser takes in a PUBACK or PUBREC, and their names. */
    readonly MQTT5_PUBACK_PUBREC_CODES: Record<number, string>;
  };
  export default constants;
}
