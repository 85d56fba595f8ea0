let data = null;

const byID = id => document.getElementById(id);

// dataOf reads what a page is to draw.
const dataOf = page => JSON.parse(page.getElementById('data').textContent);

// The parts of the page that an update replaces where they changed, as they came.
const parts = ['top', 'figures', 'charts', 'digests', 'neighbours', 'settings'];
const came = new Map();

function start() {
	data = dataOf(document);
	document.documentElement.classList.add('script');
	for (const id of parts) came.set(id, byID(id).outerHTML);
	came.set('map', JSON.stringify([data.map, data.classes]));
	for (const d of document.querySelectorAll('details')) d.open = false;
	const slider = byID('smooth');
	slider.addEventListener('input', () => {
		chosen.smoothing = Number(slider.value);
		for (const chart of charts) chart.draw();
	});
	matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
		if (legend) legend.paint();
		for (const plane of planes) plane.draw();
	});
	drawCharts();
	drawMap();
	drawCoarse();
	setStep(null);
	requestAnimationFrame(() => requestAnimationFrame(told));
	const wait = Number(document.documentElement.dataset.poll);
	if (wait) poll(wait);
}

// told says on the root what was drawn, for tests.
function told() {
	document.documentElement.dataset.drawn = `charts ${charts.filter(c => c.svg.childElementCount > 1).length}, planes ${planes.filter(p => p.side).length}`;
}

// drawCoarse tells how long curves are drawn.
function drawCoarse() {
	const every = Math.max(1, ...data.charts.flatMap(g => g.curves.map(c => c.every)));
	byID('coarse').hidden = every === 1;
	byID('coarse').textContent = `Points of long curves are means of ${count(every)} steps; the band behind is the range of these.`;
}

function drawCharts() {
	const roots = byID('charts').children;
	charts.splice(0);
	data.charts.forEach((spec, i) => charts.push(new Chart(roots[i], spec, i === 0)));
}

function drawMap() {
	if (!data.map.views.length) return;
	legend = new Legend(byID('legend'), data.map, () => planes.forEach(p => p.draw()));
	const roots = byID('views').children;
	data.map.views.forEach((view, i) => planes.push(new Plane(roots[i], view, data.map)));
}

// update takes over what another version of this page shows. Where the images or the map
// are others, the page loads anew.
function update(text) {
	// The policy of this page holds for what is parsed here too, and allows no other styles.
	const sprites = text.match(/<style id="sprites">([^<]*)/)[1];
	const page = new DOMParser().parseFromString(text.replace(/<style[^]*?<\/style>/g, ''), 'text/html');
	const next = dataOf(page);
	if (sprites !== byID('sprites').textContent || JSON.stringify([next.map, next.classes]) !== came.get('map')) {
		location.reload();
		return page;
	}
	data = next;
	document.title = page.title;
	for (const section of document.querySelectorAll('section')) section.hidden = page.getElementById(section.id).hidden;
	let redraw = false;
	for (const id of parts) {
		const html = page.getElementById(id).outerHTML;
		if (html === came.get(id)) continue;
		came.set(id, html);
		byID(id).replaceWith(document.importNode(page.getElementById(id), true));
		redraw ||= id === 'charts';
	}
	if (redraw) drawCharts();
	else charts.forEach((chart, i) => chart.set(data.charts[i]));
	drawCoarse();
	setStep(chosen.step);
	told();
	return page;
}

// poll asks for another version of the page until training has ended.
async function poll(wait) {
	let tag = '', failures = 0;
	for (;;) {
		await new Promise(done => setTimeout(done, wait * Math.min(2 ** failures, 8)));
		if (document.hidden) continue;
		try {
			const answer = await fetch(location.href, {cache: 'no-store', headers: tag ? {'If-None-Match': tag} : {}});
			if (answer.status !== 304) {
				if (!answer.ok) throw new Error(answer.statusText);
				const page = update(await answer.text());
				tag = answer.headers.get('ETag') || '';
				if (!page.documentElement.dataset.poll) return;
			}
			failures = 0;
			if (byID('link')) byID('link').textContent = '';
		} catch {
			failures++;
			if (byID('link')) byID('link').textContent = 'no answer from the program; this is what it said last';
		}
	}
}

start();
