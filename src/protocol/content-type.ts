/** The MQTT 5 Content Type of all that a worker publishes. */
export const contentType = 'application/x-erlang-binary';
