// el makes an element with attributes and children; on… are listeners.
function el(tag, attributes = {}, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
	return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function fill(e, attributes, children) {
	for (const [name, value] of Object.entries(attributes)) {
		if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
		else if (name.startsWith('aria-') || value !== false) e.setAttribute(name, value);
	}
	e.append(...children.filter(c => c !== undefined));
	return e;
}

// What the reader chose, by the titles of charts, so that it outlives an update.
const chosen = {smoothing: .6, step: null, log: new Map(), off: new Map()};

const charts = []; // those on the page

// smooth returns the exponential mean of values, without the weight of its start.
function smooth(values, weight) {
	let mean = 0, sum = 0;
	return values.map(v => {
		if (v === null) return null;
		mean = weight * mean + (1 - weight) * v;
		sum = weight * sum + (1 - weight);
		return mean / sum;
	});
}

const smoothed = curve => chosen.smoothing > 0 && curve.mean.length > 50 && noisy(curve);

// noisy reports whether a curve turns about as much as it moves. One that does not, such as
// a learning rate, would only be falsified by smoothing.
function noisy(curve) {
	if (curve.noisy !== undefined) return curve.noisy;
	const v = curve.mean.filter(v => v !== null);
	let moves = 0, turns = 0;
	for (let i = 2; i < v.length; i++) {
		moves += Math.abs(v[i] - v[i - 1]);
		turns += Math.abs(v[i] - 2 * v[i - 1] + v[i - 2]);
	}
	return curve.noisy = turns > .3 * moves;
}

// A Chart draws curves over the steps. All charts share the range of steps and the cursor.
class Chart {
	constructor(root, spec, first) {
		this.root = root;
		this.first = first;
		this.caption = root.querySelector('figcaption');
		this.readouts = [];
		this.svg = svg('svg', {
			role: 'img', tabindex: 0, onkeydown: e => this.key(e),
			onpointermove: e => this.hover(e), onpointerdown: e => this.hover(e),
			onpointerleave: () => setStep(null), onblur: () => setStep(null),
		});
		this.note = el('p', {class: 'note wrong'});
		root.append(this.svg, this.note);
		this.set(spec);
		new ResizeObserver(() => this.draw()).observe(root);
	}

	// set takes other curves.
	set(spec) {
		const names = JSON.stringify(spec.curves.map(c => c.name));
		const rebuild = names !== this.names;
		this.spec = spec;
		this.names = names;
		if (!chosen.off.has(spec.title)) chosen.off.set(spec.title, new Set());
		if (!chosen.log.has(spec.title)) chosen.log.set(spec.title, spec.log);
		if (rebuild) this.buildCaption();
		this.draw();
	}

	buildCaption() {
		const {title, curves} = this.spec, off = chosen.off.get(title);
		while (this.caption.children.length > 1) this.caption.lastChild.remove();
		this.readouts = curves.map((curve, i) => {
			const value = el('b');
			const only = curves.length === 1;
			const text = el('span', {}, only ? '' : (curve.name || title) + ' ', value);
			this.caption.append(only ? el('span', {class: 'curve only'}, text) : el('button', {
				class: 'curve c' + i % 8, type: 'button', 'aria-pressed': !off.has(curve.name),
				onclick: e => {
					off.has(curve.name) ? off.delete(curve.name) : off.add(curve.name);
					e.currentTarget.setAttribute('aria-pressed', !off.has(curve.name));
					this.draw();
				},
			}, text));
			return value;
		});
		this.caption.append(el('button', {
			class: 'scale', type: 'button', 'aria-pressed': chosen.log.get(title), title: 'logarithmic scale',
			onclick: e => {
				chosen.log.set(title, !chosen.log.get(title));
				e.currentTarget.setAttribute('aria-pressed', chosen.log.get(title));
				this.draw();
			},
		}, 'log'));
	}

	draw() {
		const width = this.root.clientWidth;
		if (!width) return; // hidden
		const {title} = this.spec, off = chosen.off.get(title), log = chosen.log.get(title);
		const curves = this.spec.curves.filter((c, i) => { c.i = i; return !off.has(c.name); });
		const ok = v => v !== null && (!log || v > 0);

		let lo = Infinity, hi = -Infinity;
		for (const c of curves) for (const part of [c.mean, c.low || [], c.high || []]) for (const v of part) {
			if (ok(v)) lo = Math.min(lo, v), hi = Math.max(hi, v);
		}
		const empty = lo > hi;
		if (empty) [lo, hi] = log ? [1, 10] : [0, 1];
		const height = this.first ? Math.min(Math.max(.3 * width, 210), 340) : Math.min(Math.max(.48 * width, 150), 200);
		const top = 8, bottom = 24, right = 10, most = Math.max(Math.floor((height - top - bottom) / 34), 2);
		if (log) {
			if (hi / lo < 1.02) [lo, hi] = [lo / 1.1, hi * 1.1];
			const room = hi ** .03 / lo ** .03;
			[lo, hi] = [Math.max(lo / room, Number.MIN_VALUE), Math.min(hi * room, Number.MAX_VALUE)];
		} else {
			if (hi === lo) [lo, hi] = [lo - (Math.abs(lo) / 10 || .5), hi + (Math.abs(hi) / 10 || .5)];
			const low = lo >= 0 && lo < .25 * hi ? 0 : lo - .04 * (hi - lo); // near 0, show 0
			[lo, hi] = [low, hi + .04 * (hi - lo)];
		}
		const marks = (log ? powers : ticks)(lo, hi, most), texts = marks.map(tickText);
		const left = Math.max(...texts.map(t => 6.6 * [...t].length)) + 12;
		const scale = log ? v => (Math.log(v) - Math.log(lo)) / (Math.log(hi) - Math.log(lo)) : v => (v - lo) / (hi - lo);
		const y = v => height - bottom - (height - top - bottom) * scale(v);
		const [from, to] = stepRange();
		const x = step => left + (width - left - right) * (step - from) / (to - from || 1);
		this.x = x;
		this.plot = {left, right, width, from, to};

		const parts = [];
		marks.forEach((v, i) => parts.push(
			svg('line', {class: 'grid', x1: left, x2: width - right, y1: y(v), y2: y(v)}),
			svg('text', {x: left - 8, y: y(v) + 4, 'text-anchor': 'end'}, texts[i])));
		parts.push(svg('line', {class: 'axis', x1: left, x2: width - right, y1: height - bottom, y2: height - bottom}));
		ticks(from, to, Math.max(Math.floor((width - left) / 90), 2)).filter(Number.isInteger).forEach((step, i) => {
			const middle = i > 0 && x(step) < width - right - 16;
			parts.push(svg('text', {x: middle ? x(step) : Math.min(x(step), width - right), y: height - 6, 'text-anchor': i === 0 ? 'start' : middle ? 'middle' : 'end'},
				(i === 0 ? 'step ' : '') + count(step)));
		});
		for (const c of curves) {
			const line = (values, name) => parts.push(svg('path', {class: `${name} c${c.i % 8}`, stroke: 'currentColor', d: path(c.step, values, x, y, ok)}));
			if (c.every > 1) parts.push(svg('path', {class: `range c${c.i % 8}`, fill: 'currentColor', d: band(c, x, y, ok)}));
			if (smoothed(c)) {
				line(c.mean, 'each');
				line(smooth(c.mean, chosen.smoothing), 'line');
			} else line(c.mean, 'line');
			if (c.mean.length === 1 && ok(c.mean[0])) parts.push(svg('circle', {class: `mark c${c.i % 8}`, fill: 'currentColor', cx: x(c.step[0]), cy: y(c.mean[0]), r: 4}));
		}
		this.cursor = svg('g');
		this.svg.replaceChildren(...parts, this.cursor);
		this.svg.setAttribute('height', height);
		this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
		this.curves = curves;
		this.y = v => ok(v) ? y(v) : null;
		this.drawNote(empty, log);
		this.drawCursor();
		const told = curves.filter(c => c.mean.length).map(c => `${c.name} from ${number(c.mean[0])} to ${number(c.mean.at(-1))}`.trim());
		this.svg.setAttribute('aria-label', `${title}: curves over steps ${count(from)} to ${count(to)}; ${told.join('; ')}`);
	}

	// drawNote tells what the curves do not show.
	drawNote(empty, log) {
		const lost = this.spec.curves.filter(c => c.lost), notes = [];
		if (lost.length) notes.push(`${count(lost.reduce((n, c) => n + c.lost, 0))} not finite, first at step ${count(Math.min(...lost.map(c => c.lostStep)))}`);
		if (log && this.curves.some(c => c.mean.some(v => v !== null && v <= 0))) notes.push('values that are not above 0 have no logarithm');
		if (empty && !notes.length) notes.push('no values');
		this.note.textContent = notes.join('; ');
		this.note.hidden = !notes.length;
	}

	// drawCursor marks the step under the cursor; without one, the values of the end.
	drawCursor() {
		const step = chosen.step, parts = [];
		if (step !== null && this.cursor) {
			const x = this.x(step);
			parts.push(svg('line', {class: 'cursor', x1: x, x2: x, y1: 4, y2: this.svg.viewBox.baseVal.height - 24}));
		}
		this.spec.curves.forEach((c, i) => {
			const k = step === null ? c.mean.findLastIndex(v => v !== null) : nearest(c.step, step);
			this.readouts[i].textContent = k >= 0 ? number(c.mean[k]) : '–';
			const y = k >= 0 && this.curves.includes(c) ? this.y(c.mean[k]) : null;
			if (y !== null && step !== null) parts.push(svg('circle', {class: `mark c${i % 8}`, fill: 'currentColor', cx: this.x(c.step[k]), cy: y, r: 4}));
		});
		this.cursor.replaceChildren(...parts);
	}

	hover(e) {
		const {left, right, width, from, to} = this.plot;
		const share = (e.clientX - this.svg.getBoundingClientRect().left - left) / (width - left - right);
		this.moveTo(from + Math.min(Math.max(share, 0), 1) * (to - from));
	}

	// moveTo puts the cursor on the point nearest to a step.
	moveTo(step) {
		const near = this.curves.filter(c => c.step.length).map(c => c.step[nearest(c.step, step)]);
		if (near.length) setStep(near.reduce((a, b) => Math.abs(b - step) < Math.abs(a - step) ? b : a));
	}

	key(e) {
		const steps = this.curves.reduce((a, c) => c.step.length > a.length ? c.step : a, []);
		if (!steps.length) return;
		const k = chosen.step === null ? steps.length : nearest(steps, chosen.step);
		const to = {ArrowLeft: k - 1, ArrowRight: k + 1, PageUp: k - 20, PageDown: k + 20, Home: 0, End: steps.length - 1}[e.key];
		if (e.key === 'Escape') setStep(null);
		if (to === undefined) return;
		e.preventDefault();
		setStep(steps[Math.min(Math.max(to, 0), steps.length - 1)]);
	}
}

// path draws a line through the values, with gaps where there are none.
function path(steps, values, x, y, ok) {
	let d = '', pen = false;
	values.forEach((v, i) => {
		if (!ok(v)) return pen = false;
		// A value between gaps is a dot: a line of no length with round ends.
		d += `${pen ? 'L' : 'M'}${x(steps[i]).toFixed(1)} ${y(v).toFixed(1)}${pen || ok(values[i + 1] ?? null) ? '' : 'h0'}`;
		pen = true;
	});
	return d;
}

// band draws the area between the lowest and the highest values.
function band(c, x, y, ok) {
	let d = '', upper = [], lower = [];
	const close = () => {
		if (upper.length) d += 'M' + upper.concat(lower.reverse()).join('L') + 'Z';
		upper = [], lower = [];
	};
	c.step.forEach((step, i) => {
		if (!ok(c.low[i]) || !ok(c.high[i])) return close();
		upper.push(`${x(step).toFixed(1)} ${y(c.high[i]).toFixed(1)}`);
		lower.push(`${x(step).toFixed(1)} ${y(c.low[i]).toFixed(1)}`);
	});
	close();
	return d;
}

// nearest returns the index of the value nearest to v in a sorted array, -1 in an empty one.
function nearest(sorted, v) {
	let lo = 0, hi = sorted.length - 1;
	while (lo < hi) {
		const mid = (lo + hi) >> 1;
		if (sorted[mid] < v) lo = mid + 1; else hi = mid;
	}
	return lo > 0 && v - sorted[lo - 1] <= sorted[lo] - v ? lo - 1 : hi;
}

// stepRange returns the steps that all charts show.
function stepRange() {
	let from = Infinity, to = -Infinity;
	for (const chart of data.charts) for (const c of chart.curves) {
		if (c.step.length) from = Math.min(from, c.step[0]), to = Math.max(to, c.step.at(-1));
	}
	if (from > to) return [0, 1];
	return [from >= 0 && from <= .05 * to ? 0 : from, to];
}

// setStep moves the cursor of all charts; null takes it away.
function setStep(step) {
	chosen.step = step;
	for (const chart of charts) chart.drawCursor();
	document.getElementById('at').textContent = step === null ? 'values at the last step; point at a curve for others' : `values at step ${count(step)}`;
}
