import type { Chart, Curve } from './curves.ts';
import { saturationOf } from './saturation.ts';
import type { MeasuredStep, Sweep } from './sweep.ts';

const colours = ['#2f81b7', '#d1603d', '#4a8f3c', '#8250df'];

/** Latency and throughput over the rate, a colour for each sweep. */
export function chartsOf(sweeps: readonly Sweep[], maxP99Ms: number): Chart[] {
  const colourOf = (index: number): string => colours[index % colours.length] ?? '';
  const curve = (index: number, name: string, y: (step: MeasuredStep) => number): Curve => ({
    name: `${sweeps[index]?.name}${name}`,
    colour: colourOf(index),
    points: (sweeps[index]?.steps ?? []).map((step) => ({ x: step.rate, y: y(step) })),
  });
  const rates = sweeps.flatMap(({ steps }) => steps.map(({ rate }) => rate));
  const marks = sweeps.flatMap(({ name, steps }, index) => {
    const saturation = saturationOf(steps, maxP99Ms);
    return saturation === undefined
      ? []
      : [{ x: saturation.rate, text: `saturation of ${name}: ${saturation.rate}`, colour: colourOf(index) }];
  });
  return [
    {
      title: `Latency from the due time; the saturation is the last rate with p99 up to ${maxP99Ms} ms`,
      xLabel: 'requests a second that were due',
      yLabel: 'milliseconds',
      isLogarithmic: true,
      marks,
      curves: sweeps.flatMap((_, index) => [
        curve(index, ', p99', ({ p99Ms }) => p99Ms),
        { ...curve(index, ', p50', ({ p50Ms }) => p50Ms), isDashed: true },
      ]),
    },
    {
      title: 'Throughput',
      xLabel: 'requests a second that were due',
      yLabel: 'answered a second',
      curves: [
        {
          name: 'all',
          colour: '#8c959f',
          isDashed: true,
          points: [0, Math.max(0, ...rates)].map((x) => ({ x, y: x })),
        },
        ...sweeps.map((_, index) => curve(index, '', ({ answered }) => answered)),
      ],
    },
  ];
}
