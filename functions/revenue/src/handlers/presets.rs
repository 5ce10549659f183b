//! What other marketplaces take.

use shared::auth::Operator;
use shared::http::{Call, Json, Problem};
use shared::revenue::Preset;

use crate::api::{PresetView, Presets};

/// The presets that a rule can be made from, each with what it says today and where that was read.
#[utoipa::path(get, path = "/v1/commission-presets", tag = "rules", responses((status = 200, body = Presets)))]
pub(crate) async fn list(_operator: Operator, call: Call) -> Result<Json<Presets>, Problem> {
    let presets = Preset::all().map_err(Problem::internal)?;
    let items = presets.into_iter().map(|preset| PresetView::of(preset, call.now));
    Ok(Json(Presets {
        items: items.collect::<Result<_, _>>().map_err(Problem::internal)?,
    }))
}
