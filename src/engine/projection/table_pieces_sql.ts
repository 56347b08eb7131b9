/** The statement that lists the pieces of one table from the catalog. It holds no code but its text. */

/**
 * Rows `rank, kind, label, text, statement, undo` for the table `$2` in the schema `$1`, in the order in which they can be
 * recreated; `$3` is the JSON array of the tables that are exchanged together with it. `text` is what makes two pieces of
 * one label equal. Runs on PostgreSQL 13 and later.
 */
export function tablePiecesSql(serverVersion: number): string {
  const published = serverVersion >= 150_000
    ? `coalesce(' (' || (select string_agg(quote_ident(attname), ', ' order by attnum) from pg_catalog.pg_attribute
        where attrelid = pr.prrelid and attnum = any (pr.prattrs)) || ')', '')
      || coalesce(' where ' || pg_catalog.pg_get_expr(pr.prqual, pr.prrelid), '')`
    : "''";
  return `
with it as (
  select c.oid, n.nspname, format('%I.%I', n.nspname, c.relname) as qualified, c.relowner as owner, c.relacl as acl,
    c.reloptions as options, c.reltoastrelid as toast, c.reltablespace as space, c.relpersistence as persistence,
    c.relreplident as replica, c.relrowsecurity as secured, c.relforcerowsecurity as forced
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')
), cols as (
  select a.*, it.qualified, to_jsonb(a) as facts, t.typstorage
  from it join pg_catalog.pg_attribute a on a.attrelid = it.oid
    join pg_catalog.pg_type t on t.oid = a.atttypid
  where a.attnum > 0 and not a.attisdropped
), siblings as (
  select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relname in (select json_array_elements_text($3::text::json))
), pieces (rank, kind, label, statement, undo, text) as (
  select 10, 'column', attname::text, null, null,
    concat_ws(' ', format_type(atttypid, atttypmod), case when attnotnull then 'not null' end,
      case when attcollation <> 0 then 'collate ' || attcollation::regcollation end,
      'default ' || pg_get_expr(d.adbin, d.adrelid), nullif(attidentity::text, ''), nullif(attgenerated::text, ''))
  from cols left join pg_catalog.pg_attrdef d on d.adrelid = attrelid and d.adnum = attnum
  union all
  select 20, 'statistics target', attname::text,
    format('alter table %s alter column %I set statistics %s', qualified, attname, facts->>'attstattarget'), null,
    facts->>'attstattarget'
  from cols where (facts->>'attstattarget')::int >= 0
  union all
  select 20, 'column option', attname || '.' || split_part(option, '=', 1),
    format('alter table %s alter column %I set (%s)', qualified, attname, option), null, option
  from cols, unnest(attoptions) option
  union all
  select 20, 'storage of column', attname::text,
    format('alter table %s alter column %I set storage %s', qualified, attname,
      case attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end), null,
    attstorage::text
  from cols where attstorage <> typstorage
  union all
  select 20, 'compression of column', attname::text,
    format('alter table %s alter column %I set compression %s', qualified, attname,
      case facts->>'attcompression' when 'p' then 'pglz' else 'lz4' end), null, facts->>'attcompression'
  from cols where facts->>'attcompression' <> ''
  union all
  select 30, 'storage setting', split_part(option, '=', 1),
    format('alter table %s set (%s = %L)', qualified, split_part(option, '=', 1),
      substr(option, strpos(option, '=') + 1)), null, option
  from it, unnest(options) option
  union all
  select 30, 'storage setting', 'toast.' || split_part(option, '=', 1),
    format('alter table %s set (toast.%s = %L)', qualified, split_part(option, '=', 1),
      substr(option, strpos(option, '=') + 1)), null, option
  from it join pg_catalog.pg_class t on t.oid = it.toast, unnest(t.reloptions) option
  union all
  select 30, 'unlogged storage', '', format('alter table %s set unlogged', qualified), null, ''
  from it where persistence = 'u'
  union all
  select 30, 'tablespace', spcname::text, format('alter table %s set tablespace %I', qualified, spcname), null, ''
  from it join pg_catalog.pg_tablespace s on s.oid = it.space
  union all
  select 40, 'index', ic.relname::text, pg_get_indexdef(i.indexrelid), null, pg_get_indexdef(i.indexrelid)
  from it join pg_catalog.pg_index i on i.indrelid = it.oid
    join pg_catalog.pg_class ic on ic.oid = i.indexrelid
  where i.indisvalid and not exists (
    select from pg_catalog.pg_constraint k where k.conindid = i.indexrelid and k.conrelid = it.oid)
  union all
  select 50, 'constraint', conname::text,
    format('alter table %s add constraint %I %s', qualified, conname, pg_get_constraintdef(k.oid)), null,
    pg_get_constraintdef(k.oid)
  from it join pg_catalog.pg_constraint k on k.conrelid = it.oid where contype in ('c', 'f', 'p', 'u', 'x')
  union all
  select 60, 'statistics', stxname::text, pg_get_statisticsobjdef(s.oid), null, pg_get_statisticsobjdef(s.oid)
  from it join pg_catalog.pg_statistic_ext s on s.stxrelid = it.oid
  union all
  select 60, 'replica identity', coalesce(ic.relname, ''),
    format('alter table %s replica identity %s', qualified, case replica when 'f' then 'full' when 'n' then 'nothing'
      else format('using index %I', ic.relname) end), null, replica::text
  from it left join pg_catalog.pg_index i on i.indrelid = it.oid and i.indisreplident
    left join pg_catalog.pg_class ic on ic.oid = i.indexrelid
  where replica <> 'd'
  union all
  select 60, 'clustering', ic.relname::text, format('alter table %s cluster on %I', qualified, ic.relname), null, ''
  from it join pg_catalog.pg_index i on i.indrelid = it.oid and i.indisclustered
    join pg_catalog.pg_class ic on ic.oid = i.indexrelid
  union all
  select 70, 'trigger', tgname::text, pg_get_triggerdef(g.oid), format('drop trigger %I on %s', tgname, qualified),
    pg_get_triggerdef(g.oid)
  from it join pg_catalog.pg_trigger g on g.tgrelid = it.oid where not tgisinternal
  union all
  select 71, 'state of trigger', tgname::text, format('alter table %s %s trigger %I', qualified,
    case tgenabled when 'D' then 'disable' when 'R' then 'enable replica' else 'enable always' end, tgname),
    format('alter table %s enable trigger %I', qualified, tgname), tgenabled::text
  from it join pg_catalog.pg_trigger g on g.tgrelid = it.oid where not tgisinternal and tgenabled <> 'O'
  union all
  select 70, 'rule', rulename::text, pg_get_ruledef(r.oid), format('drop rule %I on %s', rulename, qualified),
    pg_get_ruledef(r.oid)
  from it join pg_catalog.pg_rewrite r on r.ev_class = it.oid where rulename <> '_RETURN'
  union all
  select 80, 'policy', polname::text, format('create policy %I on %s as %s for %s to %s%s%s', polname, qualified,
    case when polpermissive then 'permissive' else 'restrictive' end,
    case polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
    (select string_agg(case when role = 0 then 'public' else quote_ident(pg_get_userbyid(role)) end, ', ' order by role)
      from unnest(polroles) role),
    ' using (' || pg_get_expr(polqual, polrelid) || ')', ' with check (' || pg_get_expr(polwithcheck, polrelid) || ')'),
    format('drop policy %I on %s', polname, qualified), concat_ws(' ', polpermissive, polcmd, polroles::text, pg_get_expr(polqual, polrelid), '/',
      pg_get_expr(polwithcheck, polrelid))
  from it join pg_catalog.pg_policy p on p.polrelid = it.oid
  union all
  select 81, 'row-level security', '', format('alter table %s enable row level security', qualified),
    format('alter table %s disable row level security', qualified), ''
  from it where secured
  union all
  select 81, 'row-level security for the owner', '', format('alter table %s force row level security', qualified),
    format('alter table %s no force row level security', qualified), ''
  from it where forced
  union all
  select 90, 'grant', format('of %s to %s', lower(privilege_type), grantee), format('grant %s on %s to %s%s',
    privilege_type, qualified, grantee, case when is_grantable then ' with grant option' else '' end),
    format('revoke %s on %s from %s', privilege_type, qualified, grantee), is_grantable::text
  from it, lateral (select privilege_type, is_grantable,
    case when grantee = 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as grantee
    from aclexplode(acl) where grantee <> owner) granted
  union all
  select 90, 'grant', format('of %s (%I) to %s', lower(privilege_type), attname, grantee),
    format('grant %s (%I) on %s to %s%s', privilege_type, attname, cols.qualified, grantee,
      case when is_grantable then ' with grant option' else '' end),
    format('revoke %s (%I) on %s from %s', privilege_type, attname, cols.qualified, grantee), is_grantable::text
  from cols, it, lateral (select privilege_type, is_grantable,
    case when grantee = 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as grantee
    from aclexplode(attacl) where grantee <> owner) granted
  union all
  select 95, 'comment', case when objsubid = 0 then '' else 'on ' || attname end,
    format('comment on %s is %L', case when objsubid = 0 then 'table ' || it.qualified
      else format('column %s.%I', it.qualified, attname) end, description), null, description
  from it join pg_catalog.pg_description on objoid = it.oid and classoid = 'pg_catalog.pg_class'::regclass
    left join cols on cols.attnum = objsubid
  union all
  select 95, 'comment', 'on ' || part || ' ' || name,
    format('comment on %s %s is %L', part, case when part in ('index', 'statistics') then format('%I.%I', nspname, name)
      else format('%I on %s', name, qualified) end, description), null, description
  from it, lateral (
    select 'index' as part, ic.relname as name, ic.oid as id, 'pg_catalog.pg_class'::regclass as class
    from pg_catalog.pg_index i join pg_catalog.pg_class ic on ic.oid = i.indexrelid where i.indrelid = it.oid
    union all select 'constraint', conname, k.oid, 'pg_catalog.pg_constraint'::regclass
    from pg_catalog.pg_constraint k where conrelid = it.oid
    union all select 'trigger', tgname, g.oid, 'pg_catalog.pg_trigger'::regclass
    from pg_catalog.pg_trigger g where tgrelid = it.oid and not tgisinternal
    union all select 'policy', polname, p.oid, 'pg_catalog.pg_policy'::regclass
    from pg_catalog.pg_policy p where polrelid = it.oid
    union all select 'rule', rulename, r.oid, 'pg_catalog.pg_rewrite'::regclass
    from pg_catalog.pg_rewrite r where ev_class = it.oid
    union all select 'statistics', stxname, s.oid, 'pg_catalog.pg_statistic_ext'::regclass
    from pg_catalog.pg_statistic_ext s where stxrelid = it.oid
  ) parts join pg_catalog.pg_description on objoid = id and classoid = class and objsubid = 0
  union all
  select 95, 'security label', concat_ws(' ', provider, attname), format('security label for %I on %s is %L', provider,
    case when objsubid = 0 then 'table ' || it.qualified else format('column %s.%I', it.qualified, attname) end, label),
    null, label
  from it join pg_catalog.pg_seclabel on objoid = it.oid and classoid = 'pg_catalog.pg_class'::regclass
    left join cols on cols.attnum = objsubid
  union all
  select 96, 'publication', pubname::text,
    format('alter publication %I add table %s', pubname, qualified) || ${published}, null, ${published}
  from it join pg_catalog.pg_publication_rel pr on pr.prrelid = it.oid
    join pg_catalog.pg_publication p on p.oid = pr.prpubid
  union all
  select 97, 'owner', pg_get_userbyid(owner)::text,
    format('alter table %s owner to %I', qualified, pg_get_userbyid(owner)), null, ''
  from it
  union all
  select 98, 'inheritance', h.inhparent::regclass::text || ' ' || h.inhrelid::regclass, null, null, ''
  from it join pg_catalog.pg_inherits h on it.oid in (h.inhparent, h.inhrelid)
  union all
  select distinct 99, 'view', v.oid::regclass::text, null, null, ''
  from it join pg_catalog.pg_depend d on d.refobjid = it.oid and d.classid = 'pg_catalog.pg_rewrite'::regclass
    join pg_catalog.pg_rewrite r on r.oid = d.objid join pg_catalog.pg_class v on v.oid = r.ev_class
  where v.oid <> it.oid
  union all
  select 99, 'foreign key', format('%I of %s', conname, k.conrelid::regclass), null, null, ''
  from it join pg_catalog.pg_constraint k on k.confrelid = it.oid and k.contype = 'f' and k.conrelid <> it.oid
    and k.conparentid = 0 and not k.conrelid in (select oid from siblings)
  union all
  select distinct 99, 'dependent', pg_describe_object(d.classid, d.objid, 0), null, null, ''
  from it join pg_catalog.pg_class c on c.oid = it.oid
    join pg_catalog.pg_depend d on d.refobjid in (it.oid, c.reltype) and d.deptype = 'n'
      and d.classid in ('pg_catalog.pg_policy'::regclass, 'pg_catalog.pg_proc'::regclass)
    left join pg_catalog.pg_policy p on p.oid = d.objid and d.classid = 'pg_catalog.pg_policy'::regclass
  where p.polrelid is null or not p.polrelid in (select oid from siblings)
)
select rank, kind, label, text, statement, undo from pieces order by rank, kind, label`;
}
