//! Figures of several runs.

use serde::{Deserialize, Serialize};

/// The least, the middle and the largest of several.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub min: f64,
    pub median: f64,
    pub max: f64,
}

impl Spread {
    /// Of at least one figure.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Spread {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        Spread {
            min: figures[0],
            median: middle(&figures),
            max: figures[figures.len() - 1],
        }
    }

    /// As a table has it: `2.71 (2.60 to 3.02)`.
    pub fn shown(self) -> String {
        format!(
            "{} ({} to {})",
            digits(self.median),
            digits(self.min),
            digits(self.max)
        )
    }
}

fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => f64::midpoint(sorted[half - 1], sorted[half]),
        _ => sorted[half],
    }
}

/// With as many digits as mean something.
pub fn digits(figure: f64) -> String {
    match figure.abs() {
        x if x >= 100.0 => format!("{figure:.0}"),
        x if x >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}
