// Ten colours that are told apart on light and dark paper.
const few = ['#4269d0', '#e8a30c', '#f0563f', '#4fb6a0', '#3c9a4d', '#ee7fae', '#9a5bdc', '#7fa8ea', '#9c6b4e', '#8b8f96'];

// classColour returns the colour of a class: one of ten, or where there are more
// classes, hues that are far apart for neighbours, in three lightnesses.
function classColour(i, classes, dark) {
	if (classes <= few.length) return few[i];
	return oklch((dark ? [.68, .80, .74] : [.52, .68, .60])[i % 3], .135, i * 137.508);
}

// oklch converts a colour of even lightness to sRGB (Ottosson 2020).
function oklch(l, chroma, hue) {
	const h = hue * Math.PI / 180, a = chroma * Math.cos(h), b = chroma * Math.sin(h);
	const x = (l + .3963377774 * a + .2158037573 * b) ** 3;
	const y = (l - .1055613458 * a - .0638541728 * b) ** 3;
	const z = (l - .0894841775 * a - 1.2914855480 * b) ** 3;
	const byte = v => {
		const g = v <= .0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - .055;
		return Math.round(255 * Math.min(Math.max(g, 0), 1));
	};
	return `rgb(${byte(4.0767416621 * x - 3.3077115913 * y + .2309699292 * z)} ${byte(-1.2684380046 * x + 2.6097574011 * y - .3413193965 * z)} ${byte(-.0041960863 * x - .7034186147 * y + 1.7076147010 * z)})`;
}
