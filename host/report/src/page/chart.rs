use std::fmt::Write;

use super::escaped::escaped;
use super::time;

/// The size of a plot, and the room around it for its scales, in units of SVG.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 22.0;

/// How many lines the scale of values has at most, and how many times are written.
const LINES: f64 = 4.0;
const TIMES: i32 = 3;

/// A plot of values over time.
pub(super) struct Chart<'r> {
    pub(super) title: &'r str,
    pub(super) unit: &'r str,
    /// When it begins and ends, and how far its points are apart, in seconds.
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) step: i64,
    /// When each point is.
    pub(super) at: Vec<i64>,
    pub(super) series: Vec<Series<'r>>,
    /// When something happened that is marked.
    pub(super) marks: Vec<i64>,
}

/// One line of a plot. Its name is also how the style knows it.
pub(super) struct Series<'r> {
    pub(super) name: &'r str,
    /// The value at each point; where there is none the line is broken.
    pub(super) values: Vec<Option<f64>>,
}

impl Chart<'_> {
    pub(super) fn svg(&self) -> String {
        let unit = if self.unit.is_empty() {
            String::new()
        } else {
            format!(", {}", self.unit)
        };
        let title = format!("{}{unit}", self.title);
        let mut svg = format!(
            "<figure>\n<figcaption>{}{}</figcaption>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
            escaped(&title),
            self.legend(),
            escaped(&title)
        );
        let values = self.series.iter().flat_map(|series| series.values.iter().flatten());
        let highest = values.copied().fold(0.0, f64::max);
        // Writing to a String cannot fail.
        let _ = if self.at.is_empty() {
            writeln!(
                svg,
                "<text class=\"empty\" x=\"{}\" y=\"{}\">nothing was kept</text>",
                WIDTH / 2.0,
                HEIGHT / 2.0
            )
        } else {
            self.draw(&mut svg, &Scale::to(highest))
        };
        svg.push_str("</svg>\n</figure>\n");
        svg
    }

    fn legend(&self) -> String {
        let names = self.series.iter().map(|series| {
            let name = escaped(series.name);
            format!(" <span class=\"key {name}\">{name}</span>")
        });
        names.collect()
    }

    fn draw(&self, svg: &mut String, scale: &Scale) -> std::fmt::Result {
        for (value, label) in scale.lines() {
            let y = scale.y(value);
            writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
                WIDTH - RIGHT
            )?;
            writeln!(
                svg,
                "<text class=\"value\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
                LEFT - 5.0,
                y + 3.5
            )?;
        }
        for number in 0..=TIMES {
            let at = self.from + (self.to - self.from) * i64::from(number) / i64::from(TIMES);
            // The year and the seconds say nothing here.
            let label = time(at).get(5..16).unwrap_or_default().to_owned();
            let anchor = match number {
                0 => "start",
                TIMES => "end",
                _ => "middle",
            };
            let x = self.x(at);
            writeln!(
                svg,
                "<text class=\"time\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{:.1}\">{label}</text>",
                HEIGHT - 6.0
            )?;
        }
        for at in self.marks.iter().filter(|at| (self.from..=self.to).contains(at)) {
            let (x, bottom) = (self.x(*at), HEIGHT - BOTTOM);
            writeln!(
                svg,
                "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"><title>handoff {}</title></line>",
                time(*at)
            )?;
        }
        for series in &self.series {
            let name = escaped(series.name);
            let path = self.path(series, scale);
            writeln!(svg, "<path class=\"{name}\" d=\"{path}\"/>")?;
        }
        Ok(())
    }

    /// The line through the values. It is broken where a point is missing, and a point alone is drawn as one.
    fn path(&self, series: &Series<'_>, scale: &Scale) -> String {
        let mut path = String::new();
        let mut before = None;
        for (at, value) in self.at.iter().zip(&series.values) {
            let Some(value) = value else {
                before = None;
                continue;
            };
            let (x, y) = (self.x(*at), scale.y(*value));
            let follows = before.is_some_and(|before| at - before <= self.step * 3 / 2);
            let _ = if follows {
                write!(path, "L{x:.1} {y:.1}")
            } else {
                write!(path, "M{x:.1} {y:.1}h.1")
            };
            before = Some(*at);
        }
        path
    }

    #[expect(clippy::cast_precision_loss, reason = "a plot needs no precision")]
    fn x(&self, at: i64) -> f64 {
        let whole = (self.to - self.from).max(1) as f64;
        let part = ((at - self.from) as f64 / whole).clamp(0.0, 1.0);
        LEFT + (WIDTH - LEFT - RIGHT) * part
    }
}

/// The scale of values, from 0.
struct Scale {
    top: f64,
    apart: f64,
}

impl Scale {
    /// A scale that this value fits on, with lines at round values.
    fn to(highest: f64) -> Self {
        let highest = if highest > 0.0 { highest } else { 1.0 };
        let power = 10_f64.powf((highest / LINES).log10().floor());
        let round = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let apart = round
            .into_iter()
            .find(|apart| apart * LINES >= highest)
            .unwrap_or(highest);
        Self {
            top: (highest / apart).ceil() * apart,
            apart,
        }
    }

    fn y(&self, value: f64) -> f64 {
        TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - (value / self.top).clamp(0.0, 1.0))
    }

    /// The lines with what is written at each.
    fn lines(&self) -> Vec<(f64, String)> {
        let digits = if self.apart >= 1.0 {
            0
        } else if self.apart >= 0.1 {
            1
        } else {
            3
        };
        let values = (0..=4_u32).map(|number| f64::from(number) * self.apart);
        let inside = values.filter(|value| *value <= self.top * 1.001);
        inside.map(|value| (value, format!("{value:.digits$}"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_values() {
        for (highest, top, apart) in [
            (0.0, 1.0, 0.5),
            (7.0, 8.0, 2.0),
            (100.0, 100.0, 50.0),
            (0.03, 0.03, 0.01),
        ] {
            let scale = Scale::to(highest);
            assert!(
                (scale.top - top).abs() < 1e-9 && (scale.apart - apart).abs() < 1e-9,
                "{highest}: {}",
                scale.top
            );
            assert!(scale.lines().len() <= 5);
        }
    }

    #[test]
    fn lines_break_where_points_are_missing() {
        let chart = Chart {
            title: "x",
            unit: "",
            from: 0,
            to: 600,
            step: 60,
            at: vec![0, 60, 120, 300, 360],
            series: vec![Series {
                name: "old",
                values: vec![Some(1.0), Some(2.0), None, Some(1.0), Some(1.0)],
            }],
            marks: vec![30, 9000],
        };
        let path = chart.path(&chart.series[0], &Scale::to(2.0));
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 2), "{path}");
        assert_eq!(chart.svg().matches("class=\"mark\"").count(), 1);
    }
}
