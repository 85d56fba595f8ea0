const legendLimit = 200; // the classes in the legend; the others are shown together

// A Legend is the classes of a map, and which of them are shown.
class Legend {
	constructor(root, map, changed) {
		this.changed = changed;
		this.hidden = new Set();
		this.lit = null; // the class that is pointed at
		this.names = data.classes.length <= 100;
		const size = new Array(data.classes.length).fill(0);
		for (const c of map.class) size[c]++;
		this.size = size;
		const there = [...size.keys()].filter(c => size[c] > 0);
		const large = there.length > legendLimit ? [...there].sort((a, b) => size[b] - size[a] || a - b).slice(0, legendLimit) : there;
		const kept = new Set(large);
		this.entries = large.sort((a, b) => a - b).map(c => this.entry(data.classes[c], [c], true));
		const rest = there.filter(c => !kept.has(c));
		if (rest.length) this.entries.push(this.entry(`${count(rest.length)} smaller classes`, rest, false));
		root.replaceChildren(
			el('p', {class: 'choose'},
				el('label', {}, el('input', {type: 'checkbox', checked: this.names, onchange: e => { this.names = e.target.checked; changed(); }}), 'names on the map'),
				el('button', {class: 'all', type: 'button', onclick: () => this.setAll(true)}, 'show all'),
				el('button', {class: 'all', type: 'button', onclick: () => this.setAll(false)}, 'hide all'),
				there.length > 30 ? el('input', {type: 'search', placeholder: 'find a class', 'aria-label': 'find a class', oninput: e => this.find(e.target.value)}) : undefined,
				el('span', {class: 'note'}, 'double-click a class to see it alone')),
			el('ul', {}, ...this.entries.map(e => e.item)));
		this.paint();
	}

	entry(name, classes, coloured) {
		const samples = classes.reduce((n, c) => n + this.size[c], 0);
		const swatch = el('i');
		const light = c => { this.lit = c; this.changed(); };
		const button = el('button', {
			type: 'button', 'aria-pressed': true, title: name,
			onclick: () => this.set(classes, this.hidden.has(classes[0])),
			ondblclick: () => { this.setAll(false); this.set(classes, true); },
			onpointerenter: () => classes.length === 1 && light(classes[0]),
			onpointerleave: () => light(null),
		}, swatch, el('span', {}, name), el('small', {}, count(samples)));
		return {name, classes, button, swatch, coloured, item: el('li', {}, button)};
	}

	set(classes, shown) {
		for (const c of classes) shown ? this.hidden.delete(c) : this.hidden.add(c);
		this.press();
	}

	setAll(shown) {
		for (const {classes} of this.entries) for (const c of classes) shown ? this.hidden.delete(c) : this.hidden.add(c);
		this.press();
	}

	press() {
		for (const e of this.entries) e.button.setAttribute('aria-pressed', !this.hidden.has(e.classes[0]));
		this.changed();
	}

	find(text) {
		const wanted = text.toLowerCase();
		for (const e of this.entries) e.item.hidden = !e.name.toLowerCase().includes(wanted);
	}

	// paint takes the colours of light or dark.
	paint() {
		const dark = matchMedia('(prefers-color-scheme: dark)').matches;
		this.colours = data.classes.map((_, c) => classColour(c, data.classes.length, dark));
		for (const e of this.entries) e.swatch.style.background = e.coloured ? this.colours[e.classes[0]] : 'var(--quiet)';
	}
}

const planes = []; // those on the page
let legend = null;
let pointed = null; // the point that is pointed at, in all planes

// A Plane draws the points of a view.
class Plane {
	constructor(root, view, map) {
		this.view = view;
		this.map = map;
		this.root = root;
		this.zoom = 1;
		this.middle = [.5, .5]; // of what is seen, in shares of the plane
		this.canvas = el('canvas', {
			role: 'img', tabindex: 0,
			'aria-label': `Map: ${view.title}. ${count(view.x.filter(v => v >= 0).length)} points in ${count(new Set(map.class).size)} classes.`,
			onpointermove: e => this.move(e), onpointerdown: e => this.down(e), onpointerup: () => this.drag = null,
			onpointerleave: () => { this.drag = null; point(null); }, onpointercancel: () => { this.drag = null; point(null); },
			onkeydown: e => this.key(e),
		});
		this.canvas.addEventListener('wheel', e => {
			if (!e.ctrlKey && !e.metaKey) return; // pages scroll, a pinch zooms
			e.preventDefault();
			const at = this.share(e);
			this.zoomTo(this.zoom * Math.exp(-e.deltaY / 200), at);
		}, {passive: false});
		const button = (text, label, f) => el('button', {type: 'button', 'aria-label': `${label}: ${view.title}`, title: label, onclick: f}, text);
		root.querySelector('figcaption').append(el('span', {class: 'zoom'},
			button('−', 'zoom out', () => this.zoomTo(this.zoom / 1.6)),
			button('+', 'zoom in', () => this.zoomTo(this.zoom * 1.6)),
			button('1:1', 'see all', () => this.zoomTo(1))));
		const lost = map.all - map.class.length, strange = view.x.filter(v => v < 0).length;
		const notes = [];
		if (lost) notes.push(`${count(map.class.length)} of ${count(map.all)} samples, chosen at random`);
		if (strange) notes.push(`${count(strange)} that are not finite are left out`);
		root.append(this.canvas);
		if (notes.length) root.append(el('p', {class: 'note'}, notes.join('; ')));
		new ResizeObserver(() => this.draw()).observe(this.canvas);
	}

	// at returns where point i lies on the canvas, in CSS pixels.
	at(i) {
		const side = this.side, inner = side - 2 * 16;
		const put = (v, m) => side / 2 + inner * this.zoom * (v / 9999 - m);
		return [put(this.view.x[i], this.middle[0]), put(9999 - this.view.y[i], this.middle[1])];
	}

	draw() {
		const side = this.side = this.canvas.clientWidth;
		if (!side) return;
		const ratio = Math.min(devicePixelRatio || 1, 3), style = getComputedStyle(document.documentElement);
		const colour = name => style.getPropertyValue(name);
		if (this.canvas.width !== Math.round(side * ratio)) this.canvas.width = this.canvas.height = Math.round(side * ratio);
		const g = this.canvas.getContext('2d');
		g.setTransform(ratio, 0, 0, ratio, 0, 0);
		g.clearRect(0, 0, side, side);
		const {map} = this, n = map.class.length;
		const radius = Math.min(Math.max(side / (7 * Math.sqrt(n)), 1.5), 5) * this.zoom ** .35;
		const lit = legend.lit ?? (pointed === null ? null : map.class[pointed]);
		const shown = i => this.view.x[i] >= 0 && !legend.hidden.has(map.class[i]);
		const dots = (wanted, alpha) => {
			g.globalAlpha = alpha;
			for (let i = 0; i < n; i++) {
				if (!shown(i) || !wanted(i)) continue;
				const [x, y] = this.at(i);
				if (x < -9 || y < -9 || x > side + 9 || y > side + 9) continue;
				g.fillStyle = legend.colours[map.class[i]];
				g.beginPath();
				g.arc(x, y, radius, 0, 2 * Math.PI);
				g.fill();
			}
		};
		if (lit === null) dots(() => true, .8);
		else {
			dots(i => map.class[i] !== lit, .13);
			dots(i => map.class[i] === lit, 1);
		}
		g.globalAlpha = 1;
		if (legend.names || legend.lit !== null) this.drawNames(g, shown, lit, colour);
		if (pointed !== null && this.view.x[pointed] >= 0) {
			const [x, y] = this.at(pointed);
			g.strokeStyle = colour('--ink');
			g.lineWidth = 2;
			g.beginPath();
			g.arc(x, y, radius + 3.5, 0, 2 * Math.PI);
			g.stroke();
		}
	}

	// drawNames writes the names of classes in their middles, larger classes first, where
	// there is room.
	drawNames(g, shown, lit, colour) {
		const places = new Map();
		this.map.class.forEach((c, i) => {
			if (!shown(i)) return;
			if (!places.has(c)) places.set(c, [[], []]);
			const [x, y] = this.at(i);
			places.get(c)[0].push(x);
			places.get(c)[1].push(y);
		});
		const median = v => v.sort((a, b) => a - b)[v.length >> 1];
		const taken = [];
		g.font = '600 12.5px ' + getComputedStyle(document.body).fontFamily;
		g.textAlign = 'center';
		g.textBaseline = 'middle';
		g.lineJoin = 'round';
		const order = [...places.keys()].sort((a, b) => (b === lit) - (a === lit) || places.get(b)[0].length - places.get(a)[0].length || a - b);
		for (const c of order) {
			if (lit !== null && c !== lit || lit === null && !legend.names) continue;
			const name = data.classes[c], text = name.length > 24 ? name.slice(0, 23) + '…' : name;
			const half = g.measureText(text).width / 2 + 2;
			const x = Math.min(Math.max(median(places.get(c)[0]), half), this.side - half), y = median(places.get(c)[1]);
			if (y < 0 || y > this.side || taken.some(t => Math.abs(t.x - x) < t.half + half && Math.abs(t.y - y) < 14)) continue;
			taken.push({x, y, half});
			g.strokeStyle = colour('--raised');
			g.lineWidth = 3.5;
			g.strokeText(text, x, y);
			g.fillStyle = colour('--ink');
			g.fillText(text, x, y);
		}
	}

	// share returns where the pointer is, in shares of the canvas.
	share(e) {
		const box = this.canvas.getBoundingClientRect();
		return [(e.clientX - box.left) / box.width, (e.clientY - box.top) / box.height];
	}

	zoomTo(zoom, [x, y] = [.5, .5]) {
		const before = this.zoom;
		this.zoom = Math.min(Math.max(zoom, 1), 40);
		// What is under the pointer stays there.
		const slip = 1 / before - 1 / this.zoom;
		this.setMiddle(this.middle[0] + (x - .5) * slip, this.middle[1] + (y - .5) * slip);
	}

	setMiddle(x, y) {
		const reach = .5 - .5 / this.zoom;
		this.middle = [x, y].map(v => Math.min(Math.max(v, .5 - reach), .5 + reach));
		this.root.classList.toggle('near', this.zoom > 1);
		this.draw();
	}

	down(e) {
		if (this.zoom > 1) {
			this.drag = [e.clientX, e.clientY, ...this.middle];
			this.canvas.setPointerCapture(e.pointerId);
		}
		this.move(e);
	}

	move(e) {
		if (this.drag) {
			const [x, y, mx, my] = this.drag, unit = this.side * this.zoom;
			point(null);
			return this.setMiddle(mx - (e.clientX - x) / unit, my - (e.clientY - y) / unit);
		}
		const [px, py] = this.share(e).map(v => v * this.side);
		let best = null, least = 14 ** 2;
		this.map.class.forEach((c, i) => {
			if (this.view.x[i] < 0 || legend.hidden.has(c)) return;
			const [x, y] = this.at(i), d = (x - px) ** 2 + (y - py) ** 2;
			if (d < least) [best, least] = [i, d];
		});
		point(best, e.clientX, e.clientY);
	}

	key(e) {
		const step = .15 / this.zoom, [x, y] = this.middle;
		const act = {
			'+': () => this.zoomTo(this.zoom * 1.6), '=': () => this.zoomTo(this.zoom * 1.6), '-': () => this.zoomTo(this.zoom / 1.6), 0: () => this.zoomTo(1),
			ArrowLeft: () => this.setMiddle(x - step, y), ArrowRight: () => this.setMiddle(x + step, y),
			ArrowUp: () => this.setMiddle(x, y - step), ArrowDown: () => this.setMiddle(x, y + step),
		}[e.key];
		if (!act || e.ctrlKey || e.metaKey || e.key.startsWith('Arrow') && this.zoom === 1) return;
		e.preventDefault();
		act();
	}
}

// point shows a point in all planes, and what it is beside the pointer.
function point(i, x, y) {
	const hint = document.getElementById('hint');
	hint.hidden = i === null;
	if (i !== null) {
		const {map} = data, name = data.classes[map.class[i]], label = map.labels ? map.labels[i] : '';
		if (i !== pointed) {
			hint.replaceChildren(
				...(map.images && map.images[i] ? [imageOf(map.images[i])] : []),
				el('span', {class: 'text'}, el('b', {}, name), label !== name ? label : ''));
		}
		const left = x + 16 + hint.offsetWidth > innerWidth ? Math.max(x - 16 - hint.offsetWidth, 4) : x + 16;
		const top = Math.min(y + 16, innerHeight - hint.offsetHeight - 4);
		hint.style.transform = `translate(${left}px, ${top}px)`;
	}
	if (i === pointed) return;
	pointed = i;
	for (const plane of planes) plane.draw();
}

// imageOf returns an element that shows an image of the sprite.
function imageOf(number) {
	const [width, height, columns] = data.image, e = el('span', {class: 'image'});
	e.style.backgroundPosition = `${-width * ((number - 1) % columns)}px ${-height * Math.floor((number - 1) / columns)}px`;
	return e;
}
