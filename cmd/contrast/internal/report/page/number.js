'use strict';

const superscript = {'-': '⁻', 0: '⁰', 1: '¹', 2: '²', 3: '³', 4: '⁴', 5: '⁵', 6: '⁶', 7: '⁷', 8: '⁸', 9: '⁹'};

const minus = s => s.replace('-', '−');

const power = (mantissa, exponent) => minus(mantissa) + '10' + [...String(exponent)].map(c => superscript[c]).join('');

// number shows four digits, or those before the point.
function number(v) {
	if (v === null) return '–';
	const a = Math.abs(v);
	if (a !== 0 && (a < 1e-3 || a >= 1e6)) {
		const [mantissa, exponent] = v.toExponential(2).split('e');
		return power(mantissa + ' × ', Number(exponent));
	}
	return a >= 1000 ? count(Math.round(v)) : minus(String(Number(v.toPrecision(4))));
}

// count shows a whole number in groups of three digits.
const count = n => minus(String(n)).replace(/\B(?=(\d{3})+$)/g, ',');

// ticks returns the multiples of a round number from lo to hi, at most most of them.
function ticks(lo, hi, most) {
	if (!(hi > lo)) return [lo];
	const unit = 10 ** Math.floor(Math.log10((hi - lo) / most));
	const step = unit * ([1, 2, 2.5, 5].find(k => (hi - lo) / (k * unit) <= most) || 10);
	const first = Math.ceil(lo / step - 1e-9), all = [];
	for (let i = 0; i <= most && (first + i) * step <= hi + 1e-9 * step; i++) all.push((first + i) * step);
	return all;
}

// powers returns round numbers from lo to hi for a logarithmic axis.
function powers(lo, hi, most) {
	const decades = Math.log10(hi) - Math.log10(lo);
	if (decades < 1) return ticks(lo, hi, most).filter(v => v > 0);
	const within = decades > 2.5 ? [1] : decades > 1.4 ? [1, 3] : [1, 2, 5];
	const every = Math.max(Math.ceil(decades / most), 1);
	const all = [];
	for (let e = Math.floor(Math.log10(lo)); e <= Math.log10(hi); e++) {
		if (e % every) continue;
		for (const k of within) if (k * 10 ** e >= lo * (1 - 1e-9) && k * 10 ** e <= hi * (1 + 1e-9)) all.push(k * 10 ** e);
	}
	return all.length > 1 ? all : ticks(lo, hi, most).filter(v => v > 0);
}

// tickText names a tick as short as it can be told from its neighbours.
function tickText(v) {
	const a = Math.abs(v);
	if (a === 0) return '0';
	if (a < 1e-3 || a >= 1e6) {
		const e = Math.floor(Math.log10(a) + 1e-9), m = Number((v / 10 ** e).toPrecision(6));
		return m === 1 ? power('', e) : power(m + '×', e);
	}
	return a >= 1000 ? count(Number(v.toPrecision(6))) : minus(String(Number(v.toPrecision(6))));
}
