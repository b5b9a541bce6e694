import constants from 'mqtt-packet/constants.js';
import { PACKET_TOO_LARGE } from './publish-errors.ts';

/**
 * MQTT 5 has no "packet too large" in PUBACK and PUBREC, and the parser of MQTT.js reads nothing more after one. Mosquitto sends it
 * for what exceeds its `message_size_limit`, and keeps the connection.
 */
constants.MQTT5_PUBACK_PUBREC_CODES[PACKET_TOO_LARGE] = 'Packet too large';
